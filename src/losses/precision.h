#pragma once

#include <torch/types.h>

namespace pcnet::losses {

/// Half and bfloat16 become float, so that sums and logarithms keep their digits; float and double
/// stay as they are.
inline at::Tensor at_least_float(const at::Tensor& x) {
  return at::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x;
}

}  // namespace pcnet::losses
