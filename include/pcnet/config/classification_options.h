#pragma once

#include "pcnet/config/field.h"

namespace pcnet::config {

/// Cls: the classification loss (A.2, from TRIS).
struct ClassificationOptions {
  double weight = 1.0;
  bool mean_pooling = true;
  bool max_pooling = true;
  bool focal_pooling = true;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ClassificationOptions;
    field("weight", &O::weight,
          {.help = "factor of the term", .source = "docs/method.md#losses", .min = 0});
    field("mean_pooling", &O::mean_pooling,
          {.help = "pooled score holds the mean of the map", .source = "A.2"});
    field("max_pooling", &O::max_pooling,
          {.help = "pooled score holds the maximum of the map", .source = "A.2"});
    field("focal_pooling", &O::focal_pooling,
          {.help = "pooled score holds the focal term", .source = "A.2"});
  }
};

}  // namespace pcnet::config
