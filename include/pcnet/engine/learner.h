#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "pcnet/config/loss_options.h"
#include "pcnet/data/batches/batch.h"
#include "pcnet/engine/encoding.h"
#include "pcnet/losses/criterion.h"
#include "pcnet/losses/terms.h"
#include "pcnet/model/frozen_clip.h"
#include "pcnet/model/referring_model.h"

namespace pcnet::engine {

/// Where in a run a step lies.
struct StepPlace {
  std::int64_t step = 0;  ///< steps done before it
  double progress = 0;    ///< the share of all steps that they are
};

/// What a step minimises: a batch on the model's device goes in, the named terms come out.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual losses::Terms losses(const data::Batch& batch, const StepPlace& place) = 0;
};

/// Image-text pre-training: each distinct text is encoded once and scored on every picture.
class ContrastiveLearner : public Learner {
 public:
  ContrastiveLearner(std::shared_ptr<model::ReferringModel> model,
                     const config::LossOptions& options, const PartwiseEncoding& encoding = {})
      : model_(std::move(model)), options_(options), encoding_(encoding) {}
  losses::Terms losses(const data::Batch& batch, const StepPlace& place) override;

 private:
  std::shared_ptr<model::ReferringModel> model_;
  config::LossOptions options_;
  PartwiseEncoding encoding_;
};

/// Whether a step asks a second, frozen CLIP; scores of the proposals may be in the batch.
bool asks_frozen_clip(const losses::Needs& needs, bool has_clip_scores);

/// The method: picture i, its sentence and its partners with their cues, the terms of the
/// criterion. Every sentence is scored on every picture.
class ReferringLearner : public Learner {
 public:
  /// @param seed of what a step draws, the same for a seed and a step
  /// @param frozen asked by the terms that need a second CLIP, and by them alone
  ReferringLearner(std::shared_ptr<model::ReferringModel> model,
                   const config::CriterionOptions& options, std::uint64_t seed = 0,
                   std::shared_ptr<model::FrozenClip> frozen = nullptr,
                   const PartwiseEncoding& encoding = {})
      : model_(std::move(model)),
        encoding_(encoding),
        frozen_(std::move(frozen)),
        calibration_(options.calibration),
        criterion_(options),
        seed_(seed) {}
  losses::Terms losses(const data::Batch& batch, const StepPlace& place) override;

 private:
  /// Adds to the view what the frozen CLIP says of the pictures.
  void ask_frozen_clip(const data::Batch& batch, losses::StepView& view);
  /// The pictures seen through the maps of the own texts, with those texts and with others.
  /// logits [N] of [B, B, h, w]
  losses::CalibrationScores calibration_scores(const data::Batch& batch,
                                               const std::vector<at::Tensor>& logits);
  /// The frozen CLIP's features of rows [B, X] of the batch's tokens: [B, X, C]
  at::Tensor clip_texts(const data::Batch& batch, const at::Tensor& rows);

  std::shared_ptr<model::ReferringModel> model_;
  PartwiseEncoding encoding_;
  std::shared_ptr<model::FrozenClip> frozen_;  // empty when no term asks it
  config::CalibrationOptions calibration_;
  losses::Criterion criterion_;
  std::uint64_t seed_;
};

}  // namespace pcnet::engine
