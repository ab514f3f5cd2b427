#pragma once

#include "pcnet/config/field.h"
#include "pcnet/config/loss_choices.h"

namespace pcnet::config {

/// KL divergence between the scores of two texts, compared with IaD in Table 10; off by default.
struct KlDivergenceOptions {
  double weight = 0.0;
  Choice<ProposalScore> scores = "max";
  Choice<TermStages> stages = "all";

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = KlDivergenceOptions;
    field("weight", &O::weight, {.help = "factor of the term", .source = "Table 10", .min = 0});
    field("scores", &O::scores,
          {.help = "score of a proposal: maximum or mean of the response over it",
           .source = "Eq. 5"});
    field("stages", &O::stages, {.help = "stages on which the term acts", .source = "App. B.2"});
  }
};

}  // namespace pcnet::config
