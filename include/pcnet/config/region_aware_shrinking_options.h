#pragma once

#include "pcnet/config/field.h"
#include "pcnet/config/loss_choices.h"

namespace pcnet::config {

/// RaS: region-aware shrinking (Eq. 5-7). The defaults are the paper's.
struct RegionAwareShrinkingOptions {
  double weight = 1.0;
  Choice<ProposalScore> scores = "max";
  Choice<Foreground> foreground = "response";
  Choice<Background> background = "union";
  Choice<IouDenominator> iou = "union";
  Choice<ShrinkingForm> form = "hinge";
  Choice<OverlapMean> foreground_mean = "all";
  bool detach_previous = true;
  bool detach_maximum = false;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = RegionAwareShrinkingOptions;
    field("weight", &O::weight,
          {.help = "factor of the term", .source = "docs/method.md#total", .min = 0});
    field("scores", &O::scores,
          {.help = "score of a proposal: maximum or mean of the response over it",
           .source = "Eq. 5, Table 7"});
    field(
        "foreground", &O::foreground,
        {.help = "the target's proposal: best by the response, or by the score that CLIP gives the "
                 "image masked with it: stored beforehand (data.clip_scores), as the released code "
                 "does, or of a frozen CLIP (loss.calibration.weights) in every step",
         .source = "Sec. 3.3; docs/method.md#paper-released-code-tris"});
    field("background", &O::background,
          {.help = "overlap with the background: that with the union of the other proposals, or "
                   "the strongest with one of them (the released code)",
           .source = "Eq. 6; docs/method.md#paper-released-code-tris"});
    field("iou", &O::iou,
          {.help = "denominator of the soft IoU: the union, or the sum of map and mask (the "
                   "released code)",
           .source = "Eq. 6; docs/method.md#paper-released-code-tris"});
    field("form", &O::form,
          {.help = "hinge: max(0, ambiguity of a stage - that of the one before) over all pairs of "
                   "consecutive stages; released: 1 - (b_k - b_k+1) of the background for one "
                   "random k, and 1 - IoU with the foreground as a term of its own",
           .source = "Eq. 7; docs/method.md#paper-released-code-tris"});
    field("foreground_mean", &O::foreground_mean,
          {.help = "images over which form released averages the overlap with the foreground: all, "
                   "or those whose map meets it (the released code)",
           .source = "docs/method.md#agreement-with-the-authors-training-step"});
    field("detach_previous", &O::detach_previous,
          {.help = "no gradient into the earlier stage of a pair, which would be made worse",
           .source = "docs/method.md#region-aware-shrinking"});
    field("detach_maximum", &O::detach_maximum,
          {.help = "no gradient through the maximum that Norm divides by",
           .source = "Eq. 4; docs/method.md#region-aware-shrinking"});
  }
};

}  // namespace pcnet::config
