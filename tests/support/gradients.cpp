#include "support/gradients.h"

#include <algorithm>
#include <cmath>

namespace pcnet::support {

namespace {

/// The largest difference between `gradient` and central differences, moving the entries in place.
double worst_fault(at::Tensor& moved, const at::Tensor& gradient,
                   const std::function<double()>& value, double step) {
  double worst = 0;
  auto* entries = moved.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < moved.numel(); ++i) {
    const double here = entries[i];
    entries[i] = here + step;
    const double above = value();
    entries[i] = here - step;
    const double below = value();
    entries[i] = here;
    const double difference = (above - below) / (2 * step);
    worst = std::max(worst, std::abs(difference - gradient.const_data_ptr<double>()[i]));
  }
  return worst;
}

}  // namespace

double largest_gradient_fault(const std::function<at::Tensor(const at::Tensor&)>& value,
                              const at::Tensor& x, double step) {
  at::Tensor leaf = x.detach().clone().set_requires_grad(true);
  value(leaf).backward();
  const at::Tensor gradient = leaf.grad().contiguous();
  const torch::NoGradGuard no_grad;
  at::Tensor moved = x.detach().clone().contiguous();
  return worst_fault(
      moved, gradient, [&] { return value(moved).item<double>(); }, step);
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
    worst = std::max(worst, worst_fault(
                                parameter, gradient, [&] { return value().item<double>(); }, step));
  }
  return worst;
}

}  // namespace pcnet::support
