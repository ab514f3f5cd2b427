#pragma once

#include <filesystem>

#include <torch/torch.h>

#include "pcnet/sam/sam.h"
#include "pcnet/weights/safetensors.h"
#include "pcnet/weights/state_dict.h"

namespace pcnet::support {

/// A SAM of 64 px squares with two narrow blocks, which a file of its tensors tells whole.
inline sam::SamOptions tiny_sam() {
  return {.name = "",
          .vit = {.width = 8, .blocks = 2, .heads = 2, .global_blocks = {}, .window = 14},
          .side = 64};
}

inline sam::Sam lively_sam(const sam::SamOptions& options = tiny_sam(), std::uint64_t seed = 8) {
  torch::manual_seed(seed);
  sam::Sam sam(options);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : sam->parameters()) parameter.uniform_(-0.08, 0.08);
  sam->eval();
  return sam;
}

inline void write_sam(const std::filesystem::path& path, const sam::Sam& sam = lively_sam()) {
  weights::TensorFile file;
  for (const auto& [name, tensor] : weights::tensors_of(*sam)) {
    file.tensors.emplace_back(name, tensor);
  }
  weights::write_safetensors(path, file);
}

}  // namespace pcnet::support
