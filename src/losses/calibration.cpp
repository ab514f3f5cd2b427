#include "pcnet/losses/calibration.h"

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/losses/proposal_scores.h"

#include "precision.h"

namespace pcnet::losses {

namespace {

constexpr double kSmallestChance = 1e-4;  // where the logarithm stops falling

at::Tensor minus_log(const at::Tensor& chance) { return -chance.clamp_min(kSmallestChance).log(); }

void check(const CalibrationScores& scores) {
  if (!scores.own.defined() || scores.own.dim() != 1) {
    throw core::Error(core::cat("calibration: got scores ",
                                scores.own.defined() ? core::cat(scores.own.sizes()) : "none",
                                " of the own texts, wanted [B]"));
  }
  if (!scores.negative.defined()) return;
  const auto negative = scores.negative.sizes();
  if (negative.size() != 2 || negative[0] != scores.own.size(0) ||
      (scores.has_negative.defined() && scores.has_negative.sizes() != negative)) {
    throw core::Error(core::cat("calibration: got scores ", negative,
                                " of the negative texts, wanted [B, K] with B of ",
                                scores.own.sizes(), " and has_negative the same"));
  }
}

}  // namespace

at::Tensor calibration_mask(const at::Tensor& logits, at::IntArrayRef size,
                            const config::CalibrationOptions& options) {
  if (options.mask == config::CalibrationMask::kResponse) {
    return normalised_response(logits, /*detach_maximum=*/false);
  }
  return at::upsample_bilinear2d(at_least_float(logits).unsqueeze(/*dim=*/1), size,
                                 /*align_corners=*/false)
      .squeeze(/*dim=*/1)
      .sigmoid();
}

at::Tensor masked_pictures(const at::Tensor& pictures, const at::Tensor& maps) {
  const at::Tensor planes = at_least_float(maps).unsqueeze(/*dim=*/1);  // [B, 1, h, w]
  return pictures * at::upsample_bilinear2d(planes, pictures.sizes().slice(/*N=*/2),
                                            /*align_corners=*/true);
}

at::Tensor calibration_loss(const CalibrationScores& scores,
                            const config::CalibrationOptions& options) {
  check(scores);
  at::Tensor loss = options.own * minus_log(at_least_float(scores.own)).mean();
  if (!scores.negative.defined()) return loss;
  const at::Tensor negative = at_least_float(scores.negative);
  const at::Tensor counts =
      scores.has_negative.defined() ? scores.has_negative : at::ones_like(negative, at::kBool);
  return loss + options.negatives * mean_where(minus_log(1 - negative), counts);
}

}  // namespace pcnet::losses
