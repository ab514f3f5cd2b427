#pragma once

#include "pcnet/config/criterion_options.h"
#include "pcnet/config/field.h"
#include "pcnet/config/loss_choices.h"

namespace pcnet::config {

/// Image-text contrast for the warm start: symmetric InfoNCE on log-sum-exp pooled maps.
struct ContrastiveOptions {
  double weight = 1.0;
  double classification = 0.0;
  double mirrored = 0.0;
  double mirrored_ramp = 0.0;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ContrastiveOptions;
    field("weight", &O::weight,
          {.help = "factor of the term", .source = "docs/refsynth.md#training", .min = 0});
    field("classification", &O::classification,
          {.help = "factor of Cls beside the contrast, slot by slot: it fixes the offset of the "
                   "cosine, which contrast leaves open",
           .source = "docs/refsynth.md#training",
           .min = 0});
    field("mirrored", &O::mirrored,
          {.help = "factor of the contrast of each caption that says a direction, such as left or "
                   "above, with the same caption turned round, on the same image",
           .source = "docs/refsynth.md#position-words",
           .min = 0});
    field("mirrored_ramp", &O::mirrored_ramp,
          {.help = "share of the steps over which that factor grows from 0; 0: whole at once",
           .source = "docs/refsynth.md#position-words",
           .min = 0,
           .max = 1});
  }
};

/// Every term of every objective.
struct LossOptions : CriterionOptions {
  Choice<ProposalResize> proposal_resize = "area";
  ContrastiveOptions contrastive;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = LossOptions;
    CriterionOptions::fields(field);
    field("proposal_resize", &O::proposal_resize,
          {.help = "how proposals come to the grid: a cell is in when half of its area is, or when "
                   "the pixel that it samples is (the released code)",
           .source = "docs/method.md#paper-released-code-tris"});
    field("contrastive", &O::contrastive, {.help = "InfoNCE, used by objective `contrastive`"});
  }
};

}  // namespace pcnet::config
