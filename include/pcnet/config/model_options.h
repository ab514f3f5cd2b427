#pragma once

#include <cstdint>
#include <string>

#include "pcnet/config/clip_options.h"
#include "pcnet/config/field.h"
#include "pcnet/config/referring_options.h"

namespace pcnet::config {

/// The referring model.
struct ModelOptions {
  std::string profile = "tris";
  std::int64_t width = 1024;        // C, the common width
  double logit_scale = 1.0 / 0.07;  // the factor before any training, exp(logit_scale)
  bool train_logit_scale = false;
  bool attn_fusion = false;  // TRIS alone
  bool position_channels = false;
  ReferringOptions referring;
  ClipOptions clip;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ModelOptions;
    field("profile", &O::profile,
          {.help = "the method, and the defaults of every key in which methods differ; paper: as "
                   "printed; released: the authors' code; improved: ours; tris: the baseline, one "
                   "stage without conditional referring module",
           .source = "method.md 7, 9",
           .choices = {"paper", "released", "tris", "improved"}});
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
    field("attn_fusion", &O::attn_fusion,
          {.help = "profile tris with TRIS's cross attention, as official checkpoints have it",
           .source = "released_forward.md 5"});
    field("position_channels", &O::position_channels,
          {.help = "add a projection of each cell's x and y to its feature, so that words such as "
                   "left have something to meet",
           .source = "ours, not the paper's"});
    field("referring", &O::referring, {.help = "conditional referring modules (not profile tris)"});
    field("clip", &O::clip, {.help = "the encoders"});
  }
};

}  // namespace pcnet::config
