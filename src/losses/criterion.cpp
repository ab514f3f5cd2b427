#include "pcnet/losses/criterion.h"

#include <algorithm>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/losses/classification.h"
#include "pcnet/losses/instance_disambiguation.h"
#include "pcnet/losses/kl_divergence.h"
#include "pcnet/losses/region_aware_shrinking.h"

namespace pcnet::losses {

namespace {

/// Cls of every stage, averaged.
at::Tensor classification(const std::vector<at::Tensor>& logits,
                          const config::ClassificationOptions& options) {
  std::vector<at::Tensor> stages;
  for (const at::Tensor& stage : logits) stages.push_back(classification_loss(stage, options));
  return at::stack(stages).mean();
}

/// The maps of each picture's own text: [N] of [B, B, h, w] -> [B, N, h, w]
at::Tensor own_maps(const std::vector<at::Tensor>& logits) {
  std::vector<at::Tensor> stages;
  for (const at::Tensor& stage : logits) {
    stages.push_back(stage.diagonal(/*offset=*/0, /*dim1=*/0, /*dim2=*/1).permute({2, 0, 1}));
  }
  return at::stack(stages, /*dim=*/1);
}

/// The proposals must be on the grid of the options: a silent resize would hide a wrong one.
void check_grid(const StepView& view, std::int64_t grid) {
  if (!view.proposals.defined() || view.proposals.dim() != 4) {
    throw core::Error("criterion: got no proposals [B, P, h, w]; the dataset needs some");
  }
  const auto found = view.proposals.sizes().slice(/*N=*/2);
  const auto maps = view.logits.front().sizes().slice(/*N=*/2);
  const std::vector<std::int64_t> wanted =
      grid == 0 ? maps.vec() : std::vector<std::int64_t>{grid, grid};
  if (found != at::IntArrayRef(wanted)) {
    throw core::Error(core::cat("criterion: got proposals on a grid of ", found, ", wanted ",
                                at::IntArrayRef(wanted), " (loss.grid is ", grid, ")"));
  }
}

}  // namespace

double ramped_weight(double weight, double ramp, double progress) {
  return ramp > 0 ? weight * std::clamp(progress / ramp, 0.0, 1.0) : weight;
}

Criterion::Criterion(const config::CriterionOptions& options) : options_(options) {
  const auto& cls = options_.classification;
  if (cls.weight <= 0 && !needs_proposals() && !needs_calibration()) {
    throw core::ConfigError(
        "loss: every term has weight 0, so that there is nothing to learn; give one a weight");
  }
  if (cls.weight > 0 && !cls.mean_pooling && !cls.max_pooling && !cls.focal_pooling) {
    throw core::ConfigError(
        "loss.classification: got no pooling at all, wanted mean_pooling, max_pooling or "
        "focal_pooling; or set its weight to 0");
  }
}

bool Criterion::needs_partners() const {
  return options_.instance_disambiguation.weight > 0 || options_.kl_divergence.weight > 0;
}

bool Criterion::needs_proposals() const {
  return needs_partners() || options_.region_aware_shrinking.weight > 0;
}

bool Criterion::needs_clip_scores() const {
  return options_.region_aware_shrinking.weight > 0 &&
         options_.region_aware_shrinking.foreground == "clip_score";
}

Terms Criterion::operator()(const StepView& view, double progress) const {
  const auto& [cls, ras, iad, kl, cal, grid] = options_;
  if (view.logits.empty()) throw core::Error("criterion: got no stage, wanted one or more");
  if (needs_proposals()) check_grid(view, grid);
  Terms terms;
  if (cls.weight > 0) terms.add("classification", cls.weight, classification(view.logits, cls));
  const at::Tensor own = needs_proposals() ? own_maps(view.logits) : at::Tensor();
  if (ras.weight > 0) {
    const RegionAwareShrinking loss =
        region_aware_shrinking_loss({own, view.proposals, view.clip_scores, view.draw}, ras);
    terms.add("region_aware_shrinking", ras.weight, loss.shrinking);
    if (loss.foreground.defined()) terms.add("foreground_overlap", ras.weight, loss.foreground);
  }
  if (needs_partners()) {
    const TextPairs pairs{own,
                          view.partner.empty() ? at::Tensor() : at::stack(view.partner, /*dim=*/1),
                          view.has_partner, view.proposals};
    if (iad.weight > 0) {
      terms.add("instance_disambiguation", ramped_weight(iad.weight, iad.ramp, progress),
                instance_disambiguation_loss(pairs, iad));
    }
    if (kl.weight > 0) terms.add("kl_divergence", kl.weight, kl_divergence_loss(pairs, kl));
  }
  if (needs_calibration()) {
    if (!view.calibration)
      throw core::Error("criterion: got no scores of the frozen CLIP for calibration");
    terms.add("calibration", cal.weight, calibration_loss(*view.calibration, cal));
  }
  return terms;
}

}  // namespace pcnet::losses
