#include "support/gradients.h"

#include <algorithm>

namespace pcnet::support {

namespace {

/// Central differences of `value`, moving the entries in place.
at::Tensor differences_in_place(at::Tensor& moved, const std::function<double()>& value,
                                double step) {
  at::Tensor differences = at::zeros_like(moved);
  auto* entries = moved.mutable_data_ptr<double>();
  auto* out = differences.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < moved.numel(); ++i) {
    const double here = entries[i];
    entries[i] = here + step;
    const double above = value();
    entries[i] = here - step;
    const double below = value();
    entries[i] = here;
    out[i] = (above - below) / (2 * step);
  }
  return differences;
}

}  // namespace

at::Tensor gradient_of(const std::function<at::Tensor(const at::Tensor&)>& value,
                       const at::Tensor& x) {
  const at::Tensor leaf = x.detach().clone().set_requires_grad(true);
  const at::Tensor result = value(leaf);
  if (result.requires_grad()) result.backward();
  return leaf.grad().defined() ? leaf.grad().contiguous() : at::zeros_like(x);
}

at::Tensor central_differences(const std::function<double(const at::Tensor&)>& value,
                               const at::Tensor& x, double step) {
  at::Tensor moved = x.detach().clone().contiguous();
  return differences_in_place(
      moved, [&] { return value(moved); }, step);
}

double largest_gradient_fault(const std::function<at::Tensor(const at::Tensor&)>& value,
                              const at::Tensor& x, double step) {
  const at::Tensor gradient = gradient_of(value, x);
  const torch::NoGradGuard no_grad;
  const auto number = [&](const at::Tensor& moved) { return value(moved).item<double>(); };
  return (central_differences(number, x, step) - gradient).abs().max().item<double>();
}

double largest_parameter_fault(torch::nn::Module& module, const std::function<at::Tensor()>& value,
                               double step) {
  module.zero_grad();
  value().backward();
  const torch::NoGradGuard no_grad;
  double worst = 0;
  for (at::Tensor& parameter : module.parameters()) {
    const at::Tensor gradient =
        parameter.grad().defined() ? parameter.grad().contiguous() : at::zeros_like(parameter);
    const at::Tensor differences = differences_in_place(
        parameter, [&] { return value().item<double>(); }, step);
    worst = std::max(worst, (differences - gradient).abs().max().item<double>());
  }
  return worst;
}

}  // namespace pcnet::support
