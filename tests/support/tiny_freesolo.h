#pragma once

#include <cmath>

#include "pcnet/freesolo/freesolo.h"

namespace pcnet::support {

/// FreeSOLO with every part, small enough for a test.
inline freesolo::NetworkOptions tiny_freesolo() {
  return {.blocks = {1, 2, 1, 1},
          .width = 4,
          .channels = 6,
          .grids = {7, 6, 5, 4, 3},
          .tower_width = 8,
          .tower_depth = 2,
          .classes = 2,
          .kernel = 10,
          .mask_width = 4,
          .groups = 2};
}

/// Draws every parameter and buffer so that signals stay about as large as they are.
inline void fill(torch::nn::Module& module, std::uint64_t seed) {
  torch::manual_seed(seed);
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    at::Tensor& value = item.value();
    if (value.dim() > 1) {
      value.normal_(0, std::sqrt(2.0 / static_cast<double>(value[0].numel())));
    } else {
      value.normal_(item.key().ends_with("weight") ? 1 : 0, 0.3);
    }
  }
  for (auto& item : module.named_buffers()) {
    const bool positive = item.key().ends_with("running_var") || item.key().ends_with("weight");
    positive ? item.value().uniform_(0.5, 1.5) : item.value().normal_(0, 0.3);
  }
}

inline freesolo::Freesolo filled_freesolo(std::uint64_t seed = 1) {
  freesolo::Freesolo network(tiny_freesolo());
  fill(*network, seed);
  return network;
}

}  // namespace pcnet::support
