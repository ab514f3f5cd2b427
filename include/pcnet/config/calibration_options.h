#pragma once

#include <cstdint>
#include <string>

#include "pcnet/config/field.h"
#include "pcnet/config/loss_choices.h"

namespace pcnet::config {

/// TRIS's calibration with a frozen CLIP, compared with IaD in Table 11; off by default.
struct CalibrationOptions {
  double weight = 0.0;
  double own = 1.0;
  double negatives = 1.0;
  Choice<CalibrationMask> mask = "response";
  Choice<TermStages> stages = "last";
  std::string weights;  // empty: model.clip.weights
  std::int64_t image_size = 224;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = CalibrationOptions;
    field("weight", &O::weight,
          {.help = "factor of the term",
           .source = "Table 11; docs/method.md#paper-released-code-tris",
           .min = 0});
    field("own", &O::own,
          {.help = "factor, within the term, of the text that describes the target; the released "
                   "code multiplies it by 0 unless it is asked for",
           .source = "Table 11; docs/method.md#paper-released-code-tris",
           .min = 0});
    field("negatives", &O::negatives,
          {.help = "factor, within the term, of the texts that do not describe the target",
           .source = "Table 11",
           .min = 0});
    field("mask", &O::mask,
          {.help = "what the image is multiplied with: the response divided by its maximum, or "
                   "the sigmoid of the logits, resized to data.image_size before (TRIS)",
           .source = "Table 11; docs/method.md#compared-losses"});
    field("stages", &O::stages,
          {.help = "stages on which the term acts: the last with the sentence, or all, each with "
                   "the text that is its cue (the released code)",
           .source = "Table 11; docs/method.md#compared-losses"});
    field("weights", &O::weights,
          {.help = "the frozen CLIP, also of RaS's foreground clip_score: a run of this program, "
                   "or a file that holds CLIP with a ResNet and its attention pool; empty: "
                   "model.clip.weights",
           .source = "Table 11",
           .path = true});
    field("image_size", &O::image_size,
          {.help = "side of the masked image that the frozen CLIP sees; 0: data.image_size",
           .unit = "px",
           .source = "docs/method.md#compared-losses",
           .min = 0});
  }
};

}  // namespace pcnet::config
