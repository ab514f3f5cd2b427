#include "pcnet/core/packed_linear.h"

#include <cstdint>
#include <vector>

#include <ATen/autocast_mode.h>

#include "panel_product.h"

namespace pcnet::core {

namespace {

bool is_plain(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

}  // namespace

at::Tensor PackedLinear::operator()(const at::Tensor& x, const at::Tensor& weight,
                                    const at::Tensor& bias, bool training) {
  const bool packs = !training && !at::GradMode::is_enabled() &&
                     !at::autocast::is_autocast_enabled(at::kCPU) && has_panel_product() &&
                     is_plain(x) && is_plain(weight) && is_plain(bias) && x.numel() > 0 &&
                     x.dim() > 0 && x.size(-1) == weight.size(1);
  if (!packs) return at::linear(x, weight, bias);  // which refuses what does not fit
  const Ready now = ready_.get({weight, bias}, [&] {
    return Ready{panels_of(weight.detach()), padded_for(weight, bias.detach())};
  });
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return panel_product(x.reshape({-1, x.size(-1)}), now.panels, now.bias, weight.size(0))
      .view(shape);
}

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out) : torch::nn::LinearImpl(in, out) {}

at::Tensor LinearImpl::forward(const at::Tensor& x) {
  return packed_(x, weight, bias, is_training());
}

void LinearImpl::train(bool on) {
  Module::train(on);
  if (on) packed_.forget();
}

}  // namespace pcnet::core
