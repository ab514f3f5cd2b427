#pragma once

#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/config/model_options.h"

namespace pcnet::model {

/// The baseline without conditional referring module: CLIP's encoders and one projection each into
/// a common space, where the cosine of a text and a cell is the response (method.md 1; names of
/// TRIS's checkpoints).
class TrisImpl : public torch::nn::Module {
 public:
  TrisImpl(const config::ModelOptions& options, std::int64_t vocabulary_size);

  /// images [B, 3, S, S] uint8 -> [B, C, h, w] of unit length along C
  at::Tensor encode_images(const at::Tensor& images);
  /// tokens [M, T] int64, best on the CPU (clip::Clip::encode_text) -> [M, C] of unit length
  at::Tensor encode_texts(const at::Tensor& tokens);
  clip::Clip& backbone() { return backbone_; }
  /// The factor of the cosine, exp(logit_scale), a scalar that keeps its gradient.
  at::Tensor scale() const { return logit_scale_.exp(); }

  const config::ModelOptions options;

 private:
  clip::Clip backbone_ = nullptr;
  torch::nn::Conv2d vis_project_ = nullptr;
  torch::nn::Linear lan_project_ = nullptr;
  at::Tensor logit_scale_;
};
TORCH_MODULE(Tris);

}  // namespace pcnet::model
