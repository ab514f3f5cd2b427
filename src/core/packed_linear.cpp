#include "pcnet/core/packed_linear.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/autocast_mode.h>

#include "panel_product.h"

namespace pcnet::core {

PackedLinear::PackedLinear(at::Tensor weight, at::Tensor bias)
    : weight_(std::move(weight)), bias_(std::move(bias)) {}

PackedLinear::Ready PackedLinear::ready() {
  const auto any = [](const Ready&) { return true; };
  return ready_.get({weight_, bias_}, any, [&] {
    return Ready{panels_of(weight_.detach()), bias_.detach().clone()};
  });
}

at::Tensor PackedLinear::operator()(const at::Tensor& x, bool training) {
  const bool packs = !training && !at::GradMode::is_enabled() && has_panel_product() &&
                     x.is_cpu() && x.scalar_type() == at::kFloat &&
                     weight_.scalar_type() == at::kFloat && x.numel() > 0 &&
                     !at::autocast::is_autocast_enabled(at::kCPU);
  if (!packs) return at::linear(x, weight_, bias_);
  const Ready now = ready();
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = weight_.size(0);
  return panel_product(x.reshape({-1, x.size(-1)}), now.panels, now.bias).view(shape);
}

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out)
    : torch::nn::LinearImpl(in, out), packed_(weight, bias) {}

at::Tensor LinearImpl::forward(const at::Tensor& x) { return packed_(x, is_training()); }

void LinearImpl::train(bool on) {
  Module::train(on);
  if (on) packed_.forget();
}

}  // namespace pcnet::core
