#include "pcnet/losses/region_aware_shrinking.h"

#include <algorithm>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/losses/proposal_scores.h"

namespace pcnet::losses {

namespace {

using Shrinking = config::RegionAwareShrinkingOptions;

constexpr double kPositive = 1e-9;        // what counts as response
constexpr double kMeetingEpsilon = 1e-4;  // beside the number of maps that meet

/// m_f of every picture and stage, as an index: [B, N]
at::Tensor foreground_proposal(const StageMaps& maps, const at::Tensor& response,
                               const Shrinking& options) {
  if (options.foreground == config::Foreground::kResponse) {
    return best_proposal(proposal_scores(response.detach(), maps.proposals, options.scores),
                         maps.proposals);
  }
  if (!maps.clip_scores.defined() ||
      maps.clip_scores.sizes() != maps.proposals.sizes().slice(/*N=*/0, /*M=*/2)) {
    throw core::Error(
        "region_aware_shrinking.foreground is clip_score: got no score [B, P] for each proposal "
        "of a frozen CLIP");
  }
  return best_proposal(maps.clip_scores.unsqueeze(/*dim=*/1), maps.proposals)
      .expand({response.size(0), response.size(1)});
}

/// IoU(R, m_b), [B, N]; `best` [B, N] is m_f and `target` [B, N, h, w] its mask.
at::Tensor background_overlap(const at::Tensor& response, const at::Tensor& masks,
                              const at::Tensor& best, const at::Tensor& target,
                              const Shrinking& options) {
  if (options.background == config::Background::kUnion) {
    // A cell is in the union of the others when more proposals hold it than m_f alone.
    const at::Tensor held = masks.sum(/*dim=*/1, /*keepdim=*/true);  // [B, 1, h, w]
    return soft_iou(response, held.gt(target), options.iou);
  }
  const at::Tensor each = soft_iou(response.unsqueeze(/*dim=*/2), masks.unsqueeze(/*dim=*/1),
                                   options.iou);  // [B, N, P], 0 for padding
  return each.scatter(/*dim=*/2, best.unsqueeze(/*dim=*/2), 0).amax(/*dim=*/2);
}

StageOverlaps of_whole_batch(const StageOverlaps& own, const core::BatchShare& share) {
  return {share.together(own.foreground), share.together(own.background),
          share.together(own.meets)};
}

/// 1 - IoU(R, m_f), mean over stages and pictures; `any` [B, 1]: the pictures with proposals.
at::Tensor foreground_term(const StageOverlaps& overlaps, const at::Tensor& any,
                           const Shrinking& options) {
  if (options.foreground_mean == config::OverlapMean::kAll) {
    return mean_where(1 - overlaps.foreground, any);
  }
  const at::Tensor meets = overlaps.meets.logical_and(any).to(overlaps.foreground.scalar_type());
  const at::Tensor stages = (overlaps.foreground * meets).sum(/*dim=*/0) /
                            (meets.sum(/*dim=*/0) + kMeetingEpsilon);  // [N]
  return 1 - stages.mean();
}

}  // namespace

at::Tensor StageOverlaps::ambiguity() const { return 1 - (foreground - background); }

StageOverlaps stage_overlaps(const StageMaps& maps, const Shrinking& options) {
  const at::Tensor response = response_on_grid(maps.proposals, maps.logits, options.detach_maximum,
                                               maps.image_side);         // [B, N, h, w]
  const at::Tensor masks = maps.proposals.ne(0);                         // [B, P, h, w]
  const at::Tensor best = foreground_proposal(maps, response, options);  // [B, N]
  const at::Tensor target =
      at::take_along_dim(masks, best.unsqueeze(/*dim=*/2).unsqueeze(/*dim=*/3), /*dim=*/1);
  return {.foreground = soft_iou(response, target, options.iou),
          .background = background_overlap(response, masks, best, target, options),
          .meets = response.gt(kPositive).logical_and(target).flatten(/*start_dim=*/2).any(2)};
}

RegionAwareShrinking region_aware_shrinking_loss(const StageMaps& maps, const Shrinking& options) {
  const bool hinge = options.form == config::ShrinkingForm::kHinge;
  const StageOverlaps overlaps = of_whole_batch(stage_overlaps(maps, options), maps.share);
  const at::Tensor any = maps.share.together(
      real_proposals(maps.proposals).any(/*dim=*/1, /*keepdim=*/true));           // [B, 1]
  const at::Tensor measure = hinge ? overlaps.ambiguity() : overlaps.background;  // [B, N]
  const std::int64_t pairs = measure.size(1) - 1;
  const at::Tensor before = measure.narrow(/*dim=*/1, /*start=*/0, pairs);
  // How much worse each stage is than the one before it: [B, N - 1].
  const at::Tensor rise = measure.narrow(/*dim=*/1, /*start=*/1, pairs) -
                          (options.detach_previous ? before.detach() : before);
  if (hinge) return {.shrinking = mean_where(at::relu(rise), any)};  // Eq. 7

  RegionAwareShrinking terms{.shrinking = at::zeros({}, measure.options()),
                             .foreground = foreground_term(overlaps, any, options)};
  if (pairs > 0) {
    const auto k =
        std::min(static_cast<std::int64_t>(maps.draw * static_cast<double>(pairs)), pairs - 1);
    terms.shrinking = mean_where(1 + rise.narrow(/*dim=*/1, k, /*length=*/1), any);
  }
  return terms;
}

}  // namespace pcnet::losses
