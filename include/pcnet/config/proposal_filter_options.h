#pragma once

#include <cstdint>

#include "pcnet/config/data_choices.h"
#include "pcnet/config/field.h"

namespace pcnet::config {

/// Which mask proposals of a picture are used (App. D).
struct ProposalFilterOptions {
  Choice<FilteredProposals> apply = "raw";
  double predicted_iou = 0.7;
  double score = 0;
  double stability = 0.7;
  std::int64_t min_area = 1000;
  double overlap = 0.8;
  std::int64_t most = 40;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ProposalFilterOptions;
    field("apply", &O::apply,
          {.help = "raw: filter what SAM and FreeSOLO wrote; all: our files and .npy too",
           .packed = true});
    field("predicted_iou", &O::predicted_iou,
          {.help = "smallest predicted IoU of a proposal, where it has one (SAM's)",
           .source = "App. D",
           .min = 0,
           .max = 1,
           .packed = true});
    field("score", &O::score,
          {.help = "smallest score of a proposal, where it has one (FreeSOLO's and COCO results', "
                   "which begin at 0.05); 0: all of them",
           .min = 0,
           .packed = true});
    field("stability", &O::stability,
          {.help = "smallest stability score of a proposal, where it has one",
           .source = "App. D",
           .min = 0,
           .max = 1,
           .packed = true});
    field("min_area", &O::min_area,
          {.help = "smallest area of a proposal",
           .unit = "px",
           .source = "App. D",
           .min = 0,
           .packed = true});
    field("overlap", &O::overlap,
          {.help = "a proposal whose IoU with a kept one is above this is left out",
           .source = "App. D",
           .min = 0,
           .max = 1,
           .packed = true});
    field("most", &O::most,
          {.help = "the largest so many are kept",
           .unit = "proposals",
           .source = "App. D",
           .min = 1,
           .packed = true});
  }
};

}  // namespace pcnet::config
