#pragma once

#include <cstdint>

#include "pcnet/config/field.h"

namespace pcnet::config {

/// Proposals from edges and superpixels, without a network. Areas are shares of the picture's.
struct GridProposalOptions {
  std::int64_t side = 320;
  double scale = 50;
  double superpixel_area = 0.0005;
  double smallest = 0.005;
  double largest = 0.9;
  double overlap = 0.8;
  std::int64_t most = 40;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = GridProposalOptions;
    field("side", &O::side,
          {.help = "a picture with a longer side is shrunk to this to find its regions",
           .unit = "px",
           .min = 8});
    field("scale", &O::scale,
          {.help = "how much colour may change inside a superpixel (k; larger makes fewer)",
           .source = "docs/method.md#proposals-without-a-network",
           .min = 0});
    field("superpixel_area", &O::superpixel_area,
          {.help = "a smaller superpixel joins a neighbour", .min = 0, .max = 1});
    field("smallest", &O::smallest, {.help = "smallest area of a proposal", .min = 0, .max = 1});
    field("largest", &O::largest, {.help = "largest area of a proposal", .min = 0, .max = 1});
    field("overlap", &O::overlap,
          {.help = "a proposal whose IoU with a better one is above this is left out",
           .source = "App. D",
           .min = 0,
           .max = 1});
    field("most", &O::most,
          {.help = "the best so many are kept", .unit = "proposals", .source = "App. D", .min = 1});
  }
};

}  // namespace pcnet::config
