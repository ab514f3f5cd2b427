#pragma once

#include <cstdint>
#include <string>

#include "pcnet/config/clip_options.h"
#include "pcnet/config/field.h"

namespace pcnet::config {

/// The referring model.
struct ModelOptions {
  std::string profile = "tris";
  std::int64_t width = 1024;        // C, the common width
  double logit_scale = 1.0 / 0.07;  // the factor before any training, exp(logit_scale)
  bool train_logit_scale = false;
  ClipOptions clip;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ModelOptions;
    field("profile", &O::profile,
          {.help = "which method is built; tris: one stage, no conditional referring module",
           .source = "method.md 7",
           .choices = {"tris"}});
    field("width", &O::width,
          {.help = "common width C of image and text features",
           .unit = "channels",
           .source = "Sec. 3",
           .min = 1});
    field("logit_scale", &O::logit_scale,
          {.help = "factor of the cosine before any training",
           .source = "method.md 2",
           .min = 1e-3,
           .max = 1000});
    field("train_logit_scale", &O::train_logit_scale,
          {.help = "train the factor; it stays fixed in the paper", .source = "method.md 2"});
    field("clip", &O::clip, {.help = "the encoders"});
  }
};

}  // namespace pcnet::config
