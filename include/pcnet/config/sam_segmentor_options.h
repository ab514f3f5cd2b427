#pragma once

#include <string>

#include "pcnet/config/eval_choices.h"
#include "pcnet/config/field.h"

namespace pcnet::config {

/// Segment Anything as a segmentor.
struct SamSegmentorOptions {
  std::string weights;
  Choice<SamMask> mask = "best";
  Choice<SamPoint> point = "interior";
  std::string embeddings;
  double embeddings_size = 16;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = SamSegmentorOptions;
    field("weights", &O::weights,
          {.help = "file of Segment Anything for the segmentors that ask it: sam_vit_h, sam_vit_l "
                   "or sam_vit_b of segment-anything, or mobile_sam.pt",
           .source = "docs/sam.md#weights",
           .path = true,
           .affects = Affects::kAnswers});
    field("mask", &O::mask,
          {.help = "which mask of a click: of three the one with the highest predicted IoU, the "
                   "one that stands alone, or the largest of three",
           .source = "docs/method.md#segmentors",
           .affects = Affects::kAnswers});
    field("point", &O::point,
          {.help = "what oracle-point clicks: the pixel farthest from the object's border, the "
                   "one nearest to its centre of mass, or any, drawn by sent_id",
           .source = "docs/method.md#segmentors",
           .affects = Affects::kAnswers});
    field("embeddings", &O::embeddings,
          {.help = "folder that keeps what the image encoder makes of each image; empty: none",
           .path = true,
           .affects = Affects::kNothing});
    field("embeddings_size", &O::embeddings_size,
          {.help = "how large that folder may grow; the oldest files go first",
           .unit = "GiB",
           .min = 0.1,
           .max = 1e6,
           .affects = Affects::kNothing});
  }
};

}  // namespace pcnet::config
