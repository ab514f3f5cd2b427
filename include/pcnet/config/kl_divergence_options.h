#pragma once

#include <string>

#include "pcnet/config/field.h"

namespace pcnet::config {

/// KL divergence between the scores of two texts, compared with IaD in Table 10; off by default.
struct KlDivergenceOptions {
  double weight = 0.0;
  std::string scores = "max";
  std::string stages = "all";

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = KlDivergenceOptions;
    field("weight", &O::weight, {.help = "factor of the term", .source = "Table 10", .min = 0});
    field("scores", &O::scores,
          {.help = "score of a proposal: maximum or mean of the response over it",
           .source = "Eq. 5",
           .choices = {"max", "mean"}});
    field("stages", &O::stages,
          {.help = "stages on which the term acts",
           .source = "App. B.2",
           .choices = {"all", "last"}});
  }
};

}  // namespace pcnet::config
