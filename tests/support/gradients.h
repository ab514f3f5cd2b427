#pragma once

#include <functional>

#include <torch/torch.h>

namespace pcnet::support {

/// The gradient of `value`, a scalar, at x; zeros where x has no part in it.
at::Tensor gradient_of(const std::function<at::Tensor(const at::Tensor&)>& value,
                       const at::Tensor& x);

/// Central differences of `value` at the point x (double precision).
at::Tensor central_differences(const std::function<double(const at::Tensor&)>& value,
                               const at::Tensor& x, double step = 1e-6);

/// The largest difference between the gradient of `value` (a scalar of x) and central differences
/// at the point x (double precision).
double largest_gradient_fault(const std::function<at::Tensor(const at::Tensor&)>& value,
                              const at::Tensor& x, double step = 1e-6);

/// The same over every parameter of a module in double precision, where `value` runs the module;
/// parameters that got no gradient count as zero.
double largest_parameter_fault(torch::nn::Module& module, const std::function<at::Tensor()>& value,
                               double step = 1e-6);

}  // namespace pcnet::support
