#pragma once

#include <array>

#include <torch/torch.h>

#include "pcnet/sam/image_encoder.h"

namespace pcnet::sam {

/// What is asked of an image, for B masks, in pixels of the encoder's square.
struct Prompts {
  at::Tensor points;  ///< [B, n, 2] x, y of pixel centres at whole numbers; undefined: none
  at::Tensor labels;  ///< [B, n] int64: 1 on the object, 0 beside it, -1 padding
  at::Tensor boxes;   ///< [B, 4] x1, y1, x2, y2; undefined: none
  at::Tensor masks;   ///< [B, 1, 4 grid, 4 grid] logits; undefined: none

  /// B. Error without any prompt.
  std::int64_t count() const;
};

/// Points, boxes and masks as vectors (docs/sam.md#prompts), under the official names.
class PromptEncoderImpl : public torch::nn::Module {
 public:
  /// @param side px of the encoder's square
  explicit PromptEncoderImpl(std::int64_t side);

  /// Points and boxes -> [B, vectors, 256]: those of the points, then two of the box, or, without
  /// one, a point of padding.
  at::Tensor sparse(const Prompts& prompts);
  /// Masks -> [B, 256, grid, grid]; without any [1, 256, 1, 1], the same for every cell.
  at::Tensor dense(const Prompts& prompts);
  /// The place of every cell, [256, grid, grid].
  at::Tensor grid_places();

 private:
  /// places [..., 2] in pixels -> [..., 256]
  at::Tensor code(const at::Tensor& places);
  at::Tensor embed_points(const at::Tensor& points, const at::Tensor& labels);

  std::int64_t side_;
  at::Tensor gaussian_;  // [2, 128]
  std::array<torch::nn::Embedding, 4> point_embeddings_ = {nullptr, nullptr, nullptr, nullptr};
  torch::nn::Embedding not_a_point_ = nullptr, no_mask_ = nullptr;
  torch::nn::Sequential mask_downscaling_ = nullptr;
};
TORCH_MODULE(PromptEncoder);

}  // namespace pcnet::sam
