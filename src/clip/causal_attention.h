#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/clip/text_transformer.h"

namespace pcnet::clip {

/// What each token sees in itself and those before it in its text, in one pass over the tokens of
/// all texts: query_key_value [R, 3 width] float32 on a processor -> [R, width]. Without gradients.
at::Tensor causal_attention(const at::Tensor& query_key_value,
                            const std::vector<EqualTexts>& groups, std::int64_t heads);

}  // namespace pcnet::clip
