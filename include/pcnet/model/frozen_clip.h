#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include "pcnet/model/referring_model.h"

namespace pcnet::model {

/// A second copy of the encoders that is asked how well a picture fits a text, and never learns: no
/// gradient reaches its parameters, and its BatchNorm stays in evaluation. Gradients pass through
/// it to the picture. It is no part of the trained model, nor of its checkpoints.
///
/// With an attention pool (real CLIP) the score is the cosine of the two global embeddings, without
/// projections. Without one (encoders pre-trained by log-sum-exp contrast,
/// docs/refsynth.md#training) it is the soft maximum of the cosines c of the grid's n cells through
/// the model's own projections, (log sum exp(s c) - ln n) / s with the model's own trained scale s:
/// what that contrast compares.
class FrozenClip {
 public:
  /// @param model nobody else's: it is frozen in place
  /// @param image_size side in px of the pictures it sees; 0: that of the pictures given
  /// ConfigError when the attention pool and the text encoder give features of different widths.
  FrozenClip(std::shared_ptr<ReferringModel> model, std::int64_t image_size);

  /// tokens [M, T] int64, best on the CPU -> [M, C] of unit length, without a gradient
  at::Tensor encode_texts(const at::Tensor& tokens);

  /// pictures [B, 3, H, W], normalised (image::normalise), texts [B, X, C] of encode_texts() ->
  /// [B, X] in [-1, 1]: each picture with its own texts. Carries a gradient to the pictures.
  at::Tensor scores(const at::Tensor& pictures, const at::Tensor& texts);

  /// The same for pictures [B, 3, S, S] uint8 resized to the side that it sees and masked with maps
  /// [B, h, w] in [0, 1] (losses::masked_pictures): carries a gradient to the maps.
  at::Tensor masked_scores(const at::Tensor& images, const at::Tensor& maps,
                           const at::Tensor& texts);

  /// Every proposal's score: the picture seen through it alone, cells as they are, with the own
  /// text. The released code reads such scores from a file made beforehand; these are computed.
  /// images [B, 3, S, S] uint8, proposals [B, P, h, w], texts [B, C] -> [B, P], 0 for padding
  /// (all-zero proposals, which cost nothing), without a gradient. At most `chunk` masked pictures
  /// are in memory at a time.
  at::Tensor proposal_scores(const at::Tensor& images, const at::Tensor& proposals,
                             const at::Tensor& texts, std::int64_t chunk = 64);

 private:
  /// Whether there is an attention pool.
  bool pools() const { return model_->options.clip.visual.attention_pool; }
  /// images [B, 3, S, S] uint8 -> normalised, resized bilinearly (align_corners = true) to the side
  /// that the encoder sees, of the model's type and device
  at::Tensor fitted(const at::Tensor& images) const;

  std::shared_ptr<ReferringModel> model_;
  std::int64_t image_size_;
};

}  // namespace pcnet::model
