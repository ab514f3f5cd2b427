#pragma once

#include <ATen/core/Tensor.h>

#include "pcnet/config/criterion_options.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/losses/region_aware_shrinking.h"
#include "pcnet/losses/text_pairs.h"

/// The losses of PCNet once more, written from Eq. 4-9 as plain loops in double precision. Whatever
/// an equation holds fixed (sg, a detached stage or maximum) is read from `fixed`: with the same
/// input twice this is the value of the loss, and its differences in `at` alone are the gradient.
namespace pcnet::support::naive {

struct Shrinking {
  double shrinking = 0;
  double foreground = 0;
};

/// Eq. 5-7 on the grid of the proposals.
Shrinking region_aware_shrinking(const losses::StageMaps& at, const losses::StageMaps& fixed,
                                 const config::RegionAwareShrinkingOptions& options);

/// Eq. 5, 8, 9.
double instance_disambiguation(const losses::TextPairs& at, const losses::TextPairs& fixed,
                               const config::InstanceDisambiguationOptions& options);

/// Table 10: -KL between the softmaxes of two texts' scores.
double kl_divergence(const losses::TextPairs& at, const losses::TextPairs& fixed,
                     const config::KlDivergenceOptions& options);

/// Table 11.
double calibration(const losses::CalibrationScores& scores,
                   const config::CalibrationOptions& options);

}  // namespace pcnet::support::naive
