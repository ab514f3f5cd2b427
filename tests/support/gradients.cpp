#include "support/gradients.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

namespace pcnet::support {

double largest_gradient_fault(const std::function<at::Tensor(const at::Tensor&)>& value,
                              const at::Tensor& x, double step) {
  at::Tensor leaf = x.detach().clone().set_requires_grad(true);
  value(leaf).backward();
  const at::Tensor gradient = leaf.grad().contiguous();
  const torch::NoGradGuard no_grad;
  double worst = 0;
  at::Tensor moved = x.detach().clone().contiguous();
  auto* entries = moved.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < moved.numel(); ++i) {
    const double here = entries[i];
    entries[i] = here + step;
    const double above = value(moved).item<double>();
    entries[i] = here - step;
    const double below = value(moved).item<double>();
    entries[i] = here;
    const double difference = (above - below) / (2 * step);
    worst = std::max(worst, std::abs(difference - gradient.const_data_ptr<double>()[i]));
  }
  return worst;
}

}  // namespace pcnet::support
