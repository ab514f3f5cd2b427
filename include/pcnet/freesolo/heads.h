#pragma once

#include <array>
#include <vector>

#include <torch/torch.h>

#include "pcnet/freesolo/options.h"

namespace pcnet::freesolo {

/// features [B, C, h, w] -> [B, C + 2, h, w]: with the place of each pixel, x and then y, from -1
/// in the first column (row) to 1 in the last.
at::Tensor with_coordinates(const at::Tensor& features);

/// What the cells of each level say: logits [B, classes, S, S] and kernels [B, kernel, S, S].
struct Cells {
  std::array<at::Tensor, kLevels> logits;
  std::array<at::Tensor, kLevels> kernels;
};

/// SOLO's head: `cate_tower`, `kernel_tower`, `cate_pred`, `kernel_pred`. The released one's
/// `emb_pred` is no part of a mask and left out.
class InstanceHeadImpl : public torch::nn::Module {
 public:
  explicit InstanceHeadImpl(const NetworkOptions& options);
  /// pyramid [B, channels, h, w], the finest level first, each half as large as the one before
  Cells forward(const std::array<at::Tensor, kLevels>& pyramid);

 private:
  std::array<std::int64_t, kLevels> grids_;
  torch::nn::Sequential cate_tower_ = nullptr, kernel_tower_ = nullptr;
  torch::nn::Conv2d cate_pred_ = nullptr, kernel_pred_ = nullptr;
};
TORCH_MODULE(InstanceHead);

/// The mask branch: `convs_all_levels`, `conv_pred`.
class MaskHeadImpl : public torch::nn::Module {
 public:
  explicit MaskHeadImpl(const NetworkOptions& options);
  /// pyramid as above -> mask features [B, kernel, h, w] of the finest level's size
  at::Tensor forward(const std::array<at::Tensor, kLevels>& pyramid);

 private:
  /// The convolutions of a level, all but the finest's followed by doubling the size.
  std::array<std::vector<torch::nn::Sequential>, 4> levels_;
  torch::nn::Sequential conv_pred_ = nullptr;
};
TORCH_MODULE(MaskHead);

}  // namespace pcnet::freesolo
