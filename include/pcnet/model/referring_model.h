#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/config/model_options.h"
#include "pcnet/core/batch_share.h"
#include "pcnet/core/packed_linear.h"

namespace pcnet::model {

/// Referring expressions and their target-related cues as features of unit length.
struct Expressions {
  at::Tensor texts;      ///< [.., C]
  at::Tensor cues = {};  ///< [.., K, C]; undefined for a model that reads none
};

/// What a stage answers in training. Logits: scale * similarity, before ReLU.
struct StageLogits {
  at::Tensor samples;   ///< [B, B, h, w]: sentence j on picture i
  at::Tensor partners;  ///< [B, D, h, w]: picture i's own D further expressions
};

/// What a model makes of B pictures before it is asked anything: each [B, ..], V_0 [B, C, h, w]
/// first.
using Seen = std::vector<at::Tensor>;

/// Picks expressions out of the features [U, C] of the distinct texts: text_index [..] and
/// cue_index [.., K] int64, any leading shape.
Expressions gather_expressions(const at::Tensor& distinct, const at::Tensor& text_index,
                               const at::Tensor& cue_index);

/// What PCNet and its baseline have in common: CLIP's encoders, a projection each into a common
/// space, and the factor of the similarity there (docs/method.md#encoders).
class ReferringModel : public torch::nn::Module {
 public:
  /// images [B, 3, S, S] uint8 -> V_0 [B, C, h, w] of unit length along C, with the cells' places
  /// in it if options.position_channels. Error for another type or shape.
  at::Tensor encode_images(const at::Tensor& images);
  /// The same for pictures that are normalised already, [B, 3, H, W] of the model's type.
  at::Tensor encode_pictures(const at::Tensor& pictures);
  /// tokens [U, T] int64, sentences and cues alike, best on the CPU (clip::Clip::encode_text) ->
  /// [U, C] of unit length
  at::Tensor encode_texts(const at::Tensor& tokens);

  /// Training: visual [B, C, h, w]; of each picture the sample's expression, then its D partners:
  /// texts [B, 1 + D, C], cues [B, 1 + D, K, C]. One entry a stage. Where several processes share
  /// the batch, all are of the own pictures; texts are answered on these.
  virtual std::vector<StageLogits> answer_batch(const at::Tensor& visual,
                                                const Expressions& expressions,
                                                const core::BatchShare& share) = 0;
  std::vector<StageLogits> answer_batch(const at::Tensor& visual, const Expressions& expressions) {
    return answer_batch(visual, expressions, core::BatchShare());
  }
  /// Inference: expressions [M, ..] each on its own picture, picture [M] int64 (best on the CPU),
  /// whatever others are asked; `seen` is what look() made of B pictures -> logits [N, M, h, w],
  /// scale * similarity before ReLU. The last stage counts.
  virtual at::Tensor respond(const Seen& seen, const Expressions& expressions,
                             const at::Tensor& picture) = 0;
  at::Tensor respond(const at::Tensor& visual, const Expressions& expressions,
                     const at::Tensor& picture) {
    return respond(look(visual), expressions, picture);
  }
  /// Inference: all that depends on the pictures V_0 [B, C, h, w] alone, for any number of
  /// respond().
  virtual Seen look(const at::Tensor& visual) = 0;
  /// How many cues of each expression the model reads.
  virtual std::int64_t cues_read() const = 0;
  /// Which of them a stage reads; -1: the expression itself.
  virtual std::int64_t cue_of_stage(std::int64_t /*stage*/) const { return -1; }
  /// Whether, in training, the answers to a sample depend on its partners.
  bool looks_at_partners() const { return config::looks_at_partners(options); }

  clip::Clip& backbone() { return backbone_; }
  /// The factor of the cosine, exp(logit_scale), a scalar that keeps its gradient.
  at::Tensor scale() const { return logit_scale_.exp(); }

  const config::ModelOptions options;

 protected:
  /// Names of the projections in the reference's checkpoints.
  struct ProjectionNames {
    const char* image;
    const char* text;
  };
  ReferringModel(const config::ModelOptions& options, std::int64_t vocabulary_size,
                 const ProjectionNames& names);

 private:
  clip::Clip backbone_ = nullptr;
  torch::nn::Conv2d image_projection_ = nullptr;
  torch::nn::Conv2d position_projection_ = nullptr;  // empty: without position channels
  core::Linear text_projection_ = nullptr;
  at::Tensor logit_scale_;
};

}  // namespace pcnet::model
