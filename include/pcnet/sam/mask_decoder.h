#pragma once

#include <array>
#include <vector>

#include <torch/torch.h>

#include "pcnet/sam/image_encoder.h"

namespace pcnet::sam {

/// Attention of 8 heads whose width may be smaller than its input's.
class DecoderAttentionImpl : public torch::nn::Module {
 public:
  explicit DecoderAttentionImpl(std::int64_t inner);
  /// query [B, Q, 256], key and value [B or 1, K, 256] -> [B, Q, 256]
  at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);
  /// The same of what is projected already, [B or 1, Q or K, inner].
  at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

  torch::nn::Linear q_proj = nullptr, k_proj = nullptr, v_proj = nullptr;

 private:
  torch::nn::Linear out_proj_ = nullptr;
};
TORCH_MODULE(DecoderAttention);

/// A layer of the two-way transformer: tokens look at tokens, then at cells, then cells at tokens.
class TwoWayLayerImpl : public torch::nn::Module {
 public:
  /// Of the cells, what is the same for every click on an image.
  struct Cells {
    at::Tensor cells;   ///< [1 or B, cells, 256]
    at::Tensor places;  ///< [1, cells, 256]
    at::Tensor keys;    ///< of cells for tokens, projected
    at::Tensor values;
    at::Tensor queries;  ///< of cells at tokens, projected
  };

  /// @param first the tokens' own codes are not added, and nothing of the input stays
  explicit TwoWayLayerImpl(bool first);
  Cells look_at(const at::Tensor& cells, const at::Tensor& places);
  /// tokens [B, T, 256] and their codes; the cells are changed into [B, cells, 256]. -> tokens
  at::Tensor forward(const at::Tensor& tokens, const at::Tensor& codes, const Cells& seen,
                     at::Tensor& cells);

 private:
  bool first_;
  DecoderAttention self_attn_ = nullptr, token_to_image_ = nullptr, image_to_token_ = nullptr;
  std::array<torch::nn::LayerNorm, 4> norms_ = {nullptr, nullptr, nullptr, nullptr};
  torch::nn::Linear lin1_ = nullptr, lin2_ = nullptr;
};
TORCH_MODULE(TwoWayLayer);

/// Which of the decoder's masks are wanted.
enum class Outputs {
  kSingle,    ///< the one that stands alone
  kMultiple,  ///< the three of an ambiguous prompt
};

/// Masks from an embedding and prompts (docs/sam.md#mask-decoder), under the official names.
class MaskDecoderImpl : public torch::nn::Module {
 public:
  /// An embedding made ready for any number of prompts.
  struct Image {
    TwoWayLayerImpl::Cells first;  ///< what the first layer sees
    std::int64_t grid = 0;
  };
  struct Masks {
    at::Tensor logits;         ///< [B, 1 or 3, 4 grid, 4 grid]
    at::Tensor predicted_iou;  ///< [B, 1 or 3]
  };

  MaskDecoderImpl();
  /// embeddings [1, 256, grid, grid]; dense [1, 256, 1, 1], or [B, 256, grid, grid] of mask
  /// prompts; places [256, grid, grid]
  Image look_at(const at::Tensor& embeddings, const at::Tensor& dense, const at::Tensor& places);
  /// sparse [B, vectors, 256]
  Masks forward(const Image& image, const at::Tensor& sparse, Outputs outputs);

 private:
  at::Tensor masks_of(const at::Tensor& cells, const at::Tensor& kernels, std::int64_t grid);

  std::vector<TwoWayLayer> layers_;
  DecoderAttention final_attn_ = nullptr;
  torch::nn::LayerNorm norm_final_ = nullptr;
  torch::nn::Embedding iou_token_ = nullptr, mask_tokens_ = nullptr;
  torch::nn::ConvTranspose2d upscale0_ = nullptr, upscale3_ = nullptr;
  LayerNorm2d upscale1_ = nullptr;
  std::vector<std::vector<torch::nn::Linear>> kernels_;  // an MLP for each mask
  std::vector<torch::nn::Linear> iou_head_;
};
TORCH_MODULE(MaskDecoder);

}  // namespace pcnet::sam
