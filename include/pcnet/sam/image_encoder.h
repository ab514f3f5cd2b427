#pragma once

#include <memory>

#include <torch/torch.h>

#include "pcnet/sam/sam_options.h"

namespace pcnet::sam {

/// What the rest of SAM asks of an image encoder.
class ImageEncoder : public torch::nn::Module {
 public:
  /// images [B, 3, side, side], normalised -> embeddings [B, 256, grid, grid].
  virtual at::Tensor forward(const at::Tensor& images) = 0;
  /// To be called when the weights are there: what can be computed from them once is.
  virtual void weights_are_set() {}
};

/// The encoder that the options describe.
std::shared_ptr<ImageEncoder> make_image_encoder(const SamOptions& options);

/// A layer norm over the channels of each pixel: x [B, C, H, W].
class LayerNorm2dImpl : public torch::nn::Module {
 public:
  explicit LayerNorm2dImpl(std::int64_t channels);
  at::Tensor forward(const at::Tensor& x);
  /// The same of x [..., C].
  at::Tensor rows(const at::Tensor& x);

 private:
  at::Tensor weight_, bias_;
};
TORCH_MODULE(LayerNorm2d);

/// Two convolutions, each with a layer norm, to 256 channels: the end of every image encoder.
torch::nn::Sequential make_neck(std::int64_t width);

}  // namespace pcnet::sam
