#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <torch/torch.h>

#include "pcnet/config/clip_options.h"

namespace pcnet::clip {

/// What the rest of the program asks of an image encoder of CLIP: a grid of features, which
/// response maps are made of, and the whole that CLIP compares with texts.
class ImageEncoder : public torch::nn::Module {
 public:
  /// images [B, 3, H, W], normalised -> [B, feature_channels, h, w], where h = (H + 1) / stride()
  /// rounded down. Error for sides below stride().
  virtual at::Tensor forward(const at::Tensor& images) = 0;
  /// The same, with what lies on the way by its name.
  virtual std::map<std::string, at::Tensor> features(const at::Tensor& images) = 0;
  /// grid [B, feature_channels, h, w] -> [B, output_dim], not normalised; Error for an encoder that
  /// has no whole.
  virtual at::Tensor pool(const at::Tensor& grid) = 0;

  /// Whether its blocks are computed once more in the backward pass, in place of keeping what they
  /// hold inside (core::recomputed).
  virtual void set_recompute(bool on) = 0;

  /// Whether batch norms are a part of the convolutions before them where that may be: in
  /// evaluation, without gradients and autocast, on a processor. The feature agrees with the other
  /// to 1e-5 of its greatest value, and takes less time.
  virtual void set_folded(bool on) = 0;

  virtual std::int64_t feature_channels() const = 0;
  /// Pixels a cell is wide and high, 32 for RN50.
  virtual std::int64_t stride() const = 0;
};

/// The encoder that the options describe, with fresh weights. The one place that knows which there
/// are.
std::shared_ptr<ImageEncoder> make_image_encoder(const config::VisualOptions& options);

}  // namespace pcnet::clip
