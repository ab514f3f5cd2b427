#pragma once

#include <cstdint>

#include "pcnet/config/field.h"

namespace pcnet::config {

/// Segment Anything's automatic mask generator (docs/method.md#the-mask-generator) with the paper's
/// numbers. Where the paper is silent the defaults are those of the Python package segment-anything
/// 1.0, whose other defaults are 32 points a side, 0.88 and 0.95.
struct MaskGeneratorOptions {
  std::int64_t points_per_side = 8;
  std::int64_t points_per_batch = 64;
  double predicted_iou = 0.7;
  double stability = 0.7;
  double stability_offset = 1.0;
  double box_nms = 0.7;
  std::int64_t crop_layers = 0;
  double crop_nms = 0.7;
  double crop_overlap = 512.0 / 1500.0;
  std::int64_t crop_points_factor = 1;
  std::int64_t min_mask_region_area = 0;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = MaskGeneratorOptions;
    field("points_per_side", &O::points_per_side,
          {.help = "the picture is clicked on a grid of so many by so many points; the package: 32",
           .unit = "points",
           .source = "App. D",
           .min = 1});
    field("points_per_batch", &O::points_per_batch,
          {.help = "points decoded at once",
           .unit = "points",
           .min = 1,
           .affects = Affects::kNothing});
    field("predicted_iou", &O::predicted_iou,
          {.help = "a mask's predicted IoU is above this (the package's pred_iou_thresh, 0.88); 0 "
                   "or less: no bound",
           .source = "App. D"});
    field("stability", &O::stability,
          {.help = "a mask's stability is at least this (the package's stability_score_thresh, "
                   "0.95); 0 or less: no bound",
           .source = "App. D"});
    field("stability_offset", &O::stability_offset,
          {.help = "stability compares the masks of logits above this and above its negative"});
    field("box_nms", &O::box_nms,
          {.help = "of masks of a crop whose boxes have an IoU above this the best stays",
           .min = 0,
           .max = 1});
    field("crop_layers", &O::crop_layers,
          {.help = "layer L looks at the picture again in 2^L by 2^L overlapping crops",
           .min = 0,
           .max = 5});
    field("crop_nms", &O::crop_nms,
          {.help = "the same as box_nms between crops, where the smaller crop's mask stays",
           .min = 0,
           .max = 1});
    field("crop_overlap", &O::crop_overlap,
          {.help = "overlap of the crops of layer 1, as a share of the picture's shorter side",
           .min = 0,
           .max = 1});
    field("crop_points_factor", &O::crop_points_factor,
          {.help = "layer L has points_per_side divided by this to the power L", .min = 1});
    field("min_mask_region_area", &O::min_mask_region_area,
          {.help = "holes and islands of a mask that are smaller are removed; 0: none. The paper "
                   "does not say; work that shares its other numbers has 800",
           .unit = "px",
           .min = 0});
  }
};

}  // namespace pcnet::config
