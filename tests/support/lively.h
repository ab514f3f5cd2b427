#pragma once

#include <cstdint>

#include <torch/torch.h>

namespace pcnet::support {

/// Moves every parameter but the logit scales by noise, so that none is at a special value such as
/// the zero bias of a fresh norm.
inline void make_lively(torch::nn::Module& module, std::uint64_t seed = 1, double noise = 0.3) {
  torch::manual_seed(seed);
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    if (!item.key().ends_with("logit_scale")) {
      item->add_(torch::randn_like(item.value()) * noise);
    }
  }
}

/// Random features of unit length along `dim`, in double precision.
inline at::Tensor unit_features(at::IntArrayRef shape, std::int64_t dim, std::uint64_t seed) {
  torch::manual_seed(seed);
  const at::Tensor x = torch::randn(shape, torch::kDouble);
  return x / x.norm(/*p=*/2, dim, /*keepdim=*/true);
}

}  // namespace pcnet::support
