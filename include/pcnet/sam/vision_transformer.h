#pragma once

#include <vector>

#include <torch/torch.h>

#include "pcnet/sam/image_encoder.h"

namespace pcnet::sam {

/// Self-attention over a square of cells with the relative positions of rows and columns.
class RelativeAttentionImpl : public torch::nn::Module {
 public:
  /// @param side cells of the square that the tables of positions are made for
  RelativeAttentionImpl(std::int64_t width, std::int64_t heads, std::int64_t side);
  /// x [B, n, n, width] -> the same. The scores are never held as a whole: at most 8 MB a thread.
  at::Tensor forward(const at::Tensor& x);

 private:
  std::int64_t heads_;
  torch::nn::Linear qkv_ = nullptr, proj_ = nullptr;
  at::Tensor rel_pos_h_, rel_pos_w_;  // [2 side - 1, width / heads]
};
TORCH_MODULE(RelativeAttention);

/// A block of SAM's vision transformer: attention, over all cells or within windows, and an MLP.
class VitBlockImpl : public torch::nn::Module {
 public:
  /// @param window cells of a window; 0: attention over the whole grid, `grid` cells wide
  VitBlockImpl(std::int64_t width, std::int64_t heads, std::int64_t window, std::int64_t grid);
  /// x [B, h, w, width] -> the same
  at::Tensor forward(const at::Tensor& x);

 private:
  std::int64_t window_;
  torch::nn::LayerNorm norm1_ = nullptr, norm2_ = nullptr;
  RelativeAttention attn_ = nullptr;
  torch::nn::Linear lin1_ = nullptr, lin2_ = nullptr;
};
TORCH_MODULE(VitBlock);

/// The image encoder of ViT-B, L and H under the official names (docs/sam.md#vision-transformer).
class VisionTransformerImpl : public ImageEncoder {
 public:
  VisionTransformerImpl(const VisionTransformerOptions& options, std::int64_t side);
  at::Tensor forward(const at::Tensor& images) override;

 private:
  torch::nn::Conv2d patches_ = nullptr;
  at::Tensor pos_embed_;
  std::vector<VitBlock> blocks_;
  torch::nn::Sequential neck_ = nullptr;
};
TORCH_MODULE(VisionTransformer);

/// Cuts cells x [B, h, w, C] into windows [B * windows, n, n, C], padded with zeros right and
/// below; padding takes part in what happens there.
at::Tensor to_windows(const at::Tensor& x, std::int64_t n);
/// Puts them back, without the padding.
at::Tensor from_windows(const at::Tensor& windows, std::int64_t batch, std::int64_t height,
                        std::int64_t width);

}  // namespace pcnet::sam
