#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/config/instance_disambiguation_options.h"
#include "pcnet/losses/text_pairs.h"

namespace pcnet::losses {

/// y of Eq. 8, one-hot(argmax S) + S - sg(S): exactly one-hot in value, with the gradient of the
/// surrogate (S itself or its softmax, of the proposals grown by `dilation`).
/// logits [B, M, h', w'], proposals [B, P, h, w], `image_side` of response_on_grid() -> [B, M, P]
at::Tensor index_vectors(const at::Tensor& logits, const at::Tensor& proposals,
                         const config::InstanceDisambiguationOptions& options,
                         std::int64_t image_side = 0);

/// IaD (Eq. 9): the mean over the pairs of 1 - ||y_a - y_d||^2, which is 1 when both texts choose
/// the same proposal and -1 otherwise (1 and 0 with half of L1). -> scalar
at::Tensor instance_disambiguation_loss(const TextPairs& pairs,
                                        const config::InstanceDisambiguationOptions& options);

}  // namespace pcnet::losses
