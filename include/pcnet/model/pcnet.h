#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/config/model_options.h"
#include "pcnet/config/referring_options.h"
#include "pcnet/model/conditional_referring_module.h"

namespace pcnet::model {

/// Referring expressions and their target-related cues as features of unit length.
struct Expressions {
  at::Tensor texts;  ///< [.., C]
  at::Tensor cues;   ///< [.., K, C]
};

/// Picks expressions out of the features [U, C] of the distinct texts: text_index [..] and
/// cue_index [.., K] int64, any leading shape.
Expressions gather_expressions(const at::Tensor& distinct, const at::Tensor& text_index,
                               const at::Tensor& cue_index);

/// What a stage answers in training. Logits: scale * cosine, before ReLU.
struct StageLogits {
  at::Tensor samples;   ///< [B, B, h, w]: sentence j on picture i
  at::Tensor partners;  ///< [B, D, h, w]: picture i's own D further expressions
};

/// PCNet (Fig. 2): CLIP's encoders, a projection each into the common space, and N conditional
/// referring modules one after the other. Names are those of the released checkpoints.
class PCNetImpl : public torch::nn::Module {
 public:
  PCNetImpl(const config::ModelOptions& model, const config::ReferringOptions& referring,
            std::int64_t vocabulary_size);

  /// images [B, 3, S, S] uint8 -> V_0 [B, C, h, w] of unit length along C
  at::Tensor encode_images(const at::Tensor& images);
  /// tokens [U, T] int64, sentences and cues alike, best on the CPU (clip::Clip::encode_text) ->
  /// [U, C] of unit length
  at::Tensor encode_texts(const at::Tensor& tokens);

  /// Training: visual [B, C, h, w]; of each picture the sample's expression, then its D partners:
  /// texts [B, 1 + D, C], cues [B, 1 + D, K, C]. One entry a stage; Error for fewer cues than
  /// config::cues_read() or another batch.
  std::vector<StageLogits> forward(const at::Tensor& visual, const Expressions& expressions);

  /// Inference: texts [M, C], cues [M, K, C], picture [M] int64 (best on the CPU): each expression
  /// on its own picture, whatever others are asked -> logits [N, M, h, w]. The last stage counts.
  at::Tensor respond(const at::Tensor& visual, const Expressions& expressions,
                     const at::Tensor& picture);

  clip::Clip& backbone() { return backbone_; }
  /// The factor of the cosine, exp(logit_scale), a scalar that keeps its gradient.
  at::Tensor scale() const { return logit_scale_.exp(); }

  const config::ModelOptions options;
  const config::ReferringOptions referring;

 private:
  void check(const at::Tensor& visual, const Expressions& expressions) const;
  /// The texts' cues [.., C] of a stage.
  at::Tensor stage_cues(std::size_t stage, const Expressions& expressions) const;

  clip::Clip backbone_ = nullptr;
  torch::nn::Conv2d c4_vis_project_ = nullptr;
  torch::nn::Linear global_lan_project_ = nullptr;
  at::Tensor logit_scale_;
  std::vector<ConditionalReferringModule> stages_;
};
TORCH_MODULE(PCNet);

}  // namespace pcnet::model
