#pragma once

#include <torch/torch.h>

#include "pcnet/clip/image_encoder.h"
#include "pcnet/clip/text_packing.h"
#include "pcnet/clip/text_transformer.h"
#include "pcnet/config/clip_options.h"

namespace pcnet::clip {

/// CLIP's two encoders under CLIP's own weight names.
class ClipImpl : public torch::nn::Module {
 public:
  ClipImpl(const config::ClipOptions& options, std::int64_t vocabulary_size);

  /// images [B, 3, H, W], normalised -> grid feature [B, feature_channels, h, w] (layer4 of RN50)
  at::Tensor encode_image_grid(const at::Tensor& images) { return visual_->forward(images); }
  /// images [B, 3, H, W], normalised -> global feature [B, output_dim], not normalised
  at::Tensor encode_image(const at::Tensor& images) {
    return visual_->pool(encode_image_grid(images));
  }
  /// tokens [M, T] int64 -> [M, output_dim] on the model's device: the row of the first greatest
  /// id (the end token), after ln_final and text_projection, not normalised. Tokens on the CPU are
  /// packed before they are moved: equal texts are encoded once, what follows an end token is
  /// dropped, and common beginnings are encoded once; by a model on a GPU texts are only cut to the
  /// longest. Tokens on a GPU are encoded as they are, since reading them would wait for the GPU.
  /// Error when T exceeds the context length.
  at::Tensor encode_text(const at::Tensor& tokens);

  /// Whether the encoders compute their blocks once more in the backward pass: less memory, more
  /// time, the same gradient.
  void set_recompute(bool on) {
    visual_->set_recompute(on);
    transformer_->set_recompute(on);
  }

  /// ImageEncoder::set_folded
  void set_folded(bool on) { visual_->set_folded(on); }

  const std::shared_ptr<ImageEncoder>& visual() { return visual_; }
  const config::ClipOptions options;

 private:
  /// All on the model's device -> [M, output_dim]
  at::Tensor encode_packed(const PackedTexts& texts);

  std::shared_ptr<ImageEncoder> visual_;
  Transformer transformer_ = nullptr;
  torch::nn::Embedding token_embedding_ = nullptr;
  at::Tensor positional_embedding_;
  torch::nn::LayerNorm ln_final_ = nullptr;
  at::Tensor text_projection_;
  at::Tensor logit_scale_;
};
TORCH_MODULE(Clip);

}  // namespace pcnet::clip
