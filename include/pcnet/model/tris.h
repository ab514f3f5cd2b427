#pragma once

#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/config/model_options.h"
#include "pcnet/model/cross_attention.h"

namespace pcnet::model {

/// The baseline without conditional referring module: CLIP's encoders and one projection each into
/// a common space, where the cosine of a text and a cell is the response (method.md 1; names of
/// TRIS's checkpoints). With TRIS's own cross attention `attn_fusion` both sides look at each other
/// once, and the response is the inner product (released_forward.md 5).
class TrisImpl : public torch::nn::Module {
 public:
  /// @param attention with `attn_fusion`, as official checkpoints have it
  TrisImpl(const config::ModelOptions& options, std::int64_t vocabulary_size,
           bool attention = false);

  /// images [B, 3, S, S] uint8 -> [B, C, h, w] of unit length along C
  at::Tensor encode_images(const at::Tensor& images);
  /// tokens [M, T] int64, best on the CPU (clip::Clip::encode_text) -> [M, C] of unit length
  at::Tensor encode_texts(const at::Tensor& tokens);
  /// Training: every text on every picture, visual [B, C, h, w] and texts [M, C] -> logits
  /// [B, M, h, w], scale * similarity before ReLU.
  at::Tensor forward(const at::Tensor& visual, const at::Tensor& texts);
  /// Inference: each text on its own picture as if it were alone, picture [M] int64 (best on the
  /// CPU) -> logits [M, h, w].
  at::Tensor respond(const at::Tensor& visual, const at::Tensor& texts, const at::Tensor& picture);
  clip::Clip& backbone() { return backbone_; }
  /// The factor of the cosine, exp(logit_scale), a scalar that keeps its gradient.
  at::Tensor scale() const { return logit_scale_.exp(); }

  const config::ModelOptions options;

 private:
  /// texts [B, X, C]; update: what the cells saw in them, undefined without attention
  at::Tensor compared(const at::Tensor& visual, const at::Tensor& texts, const at::Tensor& update);

  clip::Clip backbone_ = nullptr;
  torch::nn::Conv2d vis_project_ = nullptr;
  torch::nn::Linear lan_project_ = nullptr;
  at::Tensor logit_scale_;
  CrossAttention attn_fusion_ = nullptr;  // empty: without attention
};
TORCH_MODULE(Tris);

}  // namespace pcnet::model
