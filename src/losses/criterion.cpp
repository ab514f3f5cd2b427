#include "pcnet/losses/criterion.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <torch/types.h>

#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/profile.h"
#include "pcnet/losses/classification.h"
#include "pcnet/losses/instance_disambiguation.h"
#include "pcnet/losses/kl_divergence.h"
#include "pcnet/losses/region_aware_shrinking.h"

namespace pcnet::losses {

namespace {

/// Cls of every stage, averaged.
at::Tensor classification(const StepView& view, const config::ClassificationOptions& options) {
  std::vector<at::Tensor> stages;
  for (const at::Tensor& stage : view.logits) {
    stages.push_back(classification_loss(stage, options, view.share));
  }
  return at::stack(stages).mean();
}

/// The maps of each picture's own text: [N] of [B, B, h, w] -> [B, N, h, w]
at::Tensor own_maps(const StepView& view) {
  std::vector<at::Tensor> stages;
  for (const at::Tensor& stage : view.logits) stages.push_back(view.share.diagonal(stage));
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

/// What the terms compare: the step's view, and the maps of each picture's own text over the stages
/// where proposals are compared with them.
struct Compared {
  const StepView& view;
  std::int64_t image_side = 0;  ///< of response_on_grid()
  at::Tensor own = {};          ///< [B, N, h, w]
  TextPairs pairs = {};
};

Compared compared(const StepView& view, const Needs& needs, std::int64_t image_side) {
  Compared maps{view, image_side};
  if (needs.proposals) maps.own = own_maps(view);
  if (needs.partners) {
    maps.pairs = {
        maps.own,         view.partner.empty() ? at::Tensor() : at::stack(view.partner, /*dim=*/1),
        view.has_partner, view.proposals,
        image_side,       view.share};
  }
  return maps;
}

}  // namespace

/// A term of the criterion. `losses` gives its values by name, each a scalar; mostly one, its own.
struct Term {
  using Losses = std::vector<std::pair<std::string, at::Tensor>>;
  const char* name = "";
  double weight = 0;
  double ramp = 0;
  Needs needs = {};
  std::function<Losses(const Compared&)> losses;
};

namespace {

/// The terms of the method, and those that it is compared with.
std::vector<Term> terms_of(const config::CriterionOptions& options) {
  const auto& cls = options.classification;
  const auto& ras = options.region_aware_shrinking;
  const auto& iad = options.instance_disambiguation;
  const auto& kl = options.kl_divergence;
  const auto& cal = options.calibration;
  return {
      {.name = "classification",
       .weight = cls.weight,
       .losses =
           [cls](const Compared& maps) {
             return Term::Losses{{"classification", classification(maps.view, cls)}};
           }},
      {.name = "region_aware_shrinking",
       .weight = ras.weight,
       .needs = {.proposals = true,
                 .clip_scores = ras.foreground == config::Foreground::kClipScore},
       .losses =
           [ras](const Compared& maps) {
             const auto& view = maps.view;
             const auto [shrinking, foreground] =
                 region_aware_shrinking_loss({maps.own, view.proposals, view.clip_scores, view.draw,
                                              maps.image_side, view.share},
                                             ras);
             Term::Losses losses{{"region_aware_shrinking", shrinking}};
             if (foreground.defined()) losses.emplace_back("foreground_overlap", foreground);
             return losses;
           }},
      {.name = "instance_disambiguation",
       .weight = iad.weight,
       .ramp = iad.ramp,
       .needs = {.proposals = true, .partners = true},
       .losses =
           [iad](const Compared& maps) {
             return Term::Losses{
                 {"instance_disambiguation", instance_disambiguation_loss(maps.pairs, iad)}};
           }},
      {.name = "kl_divergence",
       .weight = kl.weight,
       .needs = {.proposals = true, .partners = true},
       .losses =
           [kl](const Compared& maps) {
             return Term::Losses{{"kl_divergence", kl_divergence_loss(maps.pairs, kl)}};
           }},
      {.name = "calibration",
       .weight = cal.weight,
       .needs = {.calibration = true},
       .losses =
           [cal](const Compared& maps) {
             if (!maps.view.calibration) {
               throw core::Error("criterion: got no scores of the frozen CLIP for calibration");
             }
             return Term::Losses{{"calibration", calibration_loss(*maps.view.calibration, cal)}};
           }},
  };
}

}  // namespace

double ramped_weight(double weight, double ramp, double progress) {
  return ramp > 0 ? weight * std::clamp(progress / ramp, 0.0, 1.0) : weight;
}

Criterion::Criterion(const config::CriterionOptions& options)
    : grid_(options.grid), map_resize_(options.map_resize) {
  config::validate(options);
  for (auto& term : terms_of(options)) {
    if (term.weight <= 0) continue;
    needs_.proposals |= term.needs.proposals;
    needs_.partners |= term.needs.partners;
    needs_.clip_scores |= term.needs.clip_scores;
    needs_.calibration |= term.needs.calibration;
    terms_.push_back(std::move(term));
  }
}

Criterion::~Criterion() = default;

Terms Criterion::operator()(const StepView& view, double progress) const {
  if (view.logits.empty()) throw core::Error("criterion: got no stage, wanted one or more");
  if (needs_.proposals) check_grid(view, grid_);
  const bool by_picture = needs_.proposals && map_resize_ == config::MapsToGrid::kReleased;
  if (by_picture && view.image_side <= 0) {
    throw core::Error("criterion: loss.map_resize is released: got no side of the pictures");
  }
  const Compared maps = compared(view, needs_, by_picture ? view.image_side : 0);
  Terms sum;
  for (const auto& term : terms_) {
    const core::PartScope part(term.name);
    const double weight = ramped_weight(term.weight, term.ramp, progress);
    for (const auto& [name, value] : term.losses(maps)) sum.add(name, weight, value);
  }
  return sum;
}

}  // namespace pcnet::losses
