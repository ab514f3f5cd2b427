#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/criterion_options.h"
#include "pcnet/core/batch_share.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/losses/terms.h"

namespace pcnet::losses {

/// What one step shows to the losses. Maps are logits, scale times cosine, before ReLU and Norm,
/// one tensor a stage. What no term needs may be left out. Of a batch that several processes share
/// it shows the own pictures (the first B of each shape); terms bring what they find of a picture
/// together, so that each process gets the loss of the whole batch.
struct StepView {
  std::vector<at::Tensor> logits;        ///< [N] of [B, B, h, w]: every text on every picture
  std::vector<at::Tensor> partner = {};  ///< [N] of [B, D, h, w]: the partners on their picture
  at::Tensor has_partner = {};           ///< [B, D] bool
  at::Tensor proposals = {};             ///< [B, P, h, w] uint8
  at::Tensor clip_scores = {};  ///< [B, P]: the picture seen through each proposal, own text
  std::optional<CalibrationScores> calibration = {};  ///< of the whole batch
  double draw = 0;              ///< in [0, 1), new in each step: RaS in form `released`
  std::int64_t image_side = 0;  ///< of the pictures in px; read with map_resize `released`
  core::BatchShare share = {};  ///< which pictures of the batch these are
};

/// What of a StepView a term reads beside the logits.
struct Needs {
  bool proposals = false;
  bool partners = false;
  bool clip_scores = false;  ///< of a frozen CLIP, or stored
  bool calibration = false;  ///< of a frozen CLIP
};

/// The factor of a term that grows linearly from 0 to `weight` over the first `ramp` (a share of
/// the steps; 0: at once). @param progress share of the steps done, in [0, 1]
double ramped_weight(double weight, double ramp, double progress);

struct Term;

/// The loss of a step as named terms: classification, region_aware_shrinking, foreground_overlap
/// (RaS in form `released`), instance_disambiguation, kl_divergence, calibration. A term whose
/// weight is 0 is not computed.
class Criterion {
 public:
  /// ConfigError when no term has a weight, or Cls has one and pools nothing.
  explicit Criterion(const config::CriterionOptions& options);
  ~Criterion();

  /// What its terms need, taken together.
  const Needs& needs() const { return needs_; }

  /// The terms and their sum; `progress` is the share of the steps done. Error when something that
  /// a term needs is missing or has another shape.
  Terms operator()(const StepView& view, double progress) const;

 private:
  std::vector<Term> terms_;  // those with a weight
  Needs needs_;
  std::int64_t grid_;
  config::Choice<config::MapsToGrid> map_resize_;
};

}  // namespace pcnet::losses
