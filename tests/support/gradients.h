#pragma once

#include <functional>

#include <ATen/core/Tensor.h>

namespace pcnet::support {

/// The largest difference between the gradient of `value` (a scalar of x) and central differences
/// at the point x (double precision).
double largest_gradient_fault(const std::function<at::Tensor(const at::Tensor&)>& value,
                              const at::Tensor& x, double step = 1e-6);

}  // namespace pcnet::support
