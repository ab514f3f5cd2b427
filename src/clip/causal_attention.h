#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pcnet::clip {

/// What tokens see in themselves and those before them in their text, on a processor; texts may
/// share rows (TokenRows): query_key_value [R, 3 width] of any floating
/// type, before [R] int64, the rows that look [Q] int64 or, undefined, all -> [Q, width]. The same
/// bits on any number of threads, in its gradient too.
at::Tensor causal_attention(const at::Tensor& query_key_value, const at::Tensor& before,
                            const at::Tensor& looking, std::int64_t heads);

}  // namespace pcnet::clip
