#pragma once

#include <cstdint>

#include "pcnet/config/calibration_options.h"
#include "pcnet/config/classification_options.h"
#include "pcnet/config/field.h"
#include "pcnet/config/instance_disambiguation_options.h"
#include "pcnet/config/kl_divergence_options.h"
#include "pcnet/config/loss_choices.h"
#include "pcnet/config/region_aware_shrinking_options.h"

namespace pcnet::config {

/// The terms of the method's loss; the defaults are the paper's Cls + RaS + IaD with weights 1.
struct CriterionOptions {
  ClassificationOptions classification;
  RegionAwareShrinkingOptions region_aware_shrinking;
  InstanceDisambiguationOptions instance_disambiguation;
  KlDivergenceOptions kl_divergence;
  CalibrationOptions calibration;
  std::int64_t grid = 0;
  Choice<MapsToGrid> map_resize = "logits";

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = CriterionOptions;
    field("classification", &O::classification, {.help = "Cls (A.2)"});
    field("region_aware_shrinking", &O::region_aware_shrinking, {.help = "RaS (Eq. 5-7)"});
    field("instance_disambiguation", &O::instance_disambiguation, {.help = "IaD (Eq. 8-9)"});
    field("kl_divergence", &O::kl_divergence, {.help = "KL of the scores (Table 10)"});
    field("calibration", &O::calibration, {.help = "calibration with CLIP (Table 11)"});
    field("grid", &O::grid,
          {.help = "side of the grid on which maps and proposals are compared; 0: that of the "
                   "response map; the released code takes 32",
           .unit = "cells",
           .source = "docs/method.md#paper-released-code-tris",
           .min = 0});
    field("map_resize", &O::map_resize,
          {.help = "how responses come to that grid: the logits are resized, before ReLU and Norm; "
                   "or, as in the released code, logits to data.image_size, ReLU, Norm, less 1e-5, "
                   "then to the grid (align_corners true)",
           .source = "docs/method.md#agreement-with-the-authors-training-step"});
  }
};

}  // namespace pcnet::config
