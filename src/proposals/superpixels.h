#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pcnet/image/picture.h"

namespace pcnet::proposals {

/// A distance of two colours is counted in whole steps of a part of a grey level.
constexpr std::int32_t kDistanceSteps = 4;
constexpr std::int32_t kLargestDistance = 442 * kDistanceSteps;  // sqrt(3) 255 is below 442
/// @param a, b three bytes
std::int32_t distance(const std::uint8_t* a, const std::uint8_t* b);

/// Small regions of like colour, numbered from 0 in the order of their first pixels.
struct Superpixels {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::int32_t> labels;  ///< [height, width], row-major
  std::int32_t count = 0;

  std::int32_t at(std::int64_t y, std::int64_t x) const {
    return labels[static_cast<std::size_t>(y * width + x)];
  }
};

/// Felzenszwalb and Huttenlocher's graph-based segmentation (IJCV 2004, section 4): pixels and
/// their eight neighbours are a graph whose edges weigh the distance of colours; along the edges,
/// the lightest first, two regions become one when the edge is not heavier than the heaviest inside
/// either of them, to which `scale` / (pixels of the region) is added. Regions below `least` pixels
/// then join a neighbour.
Superpixels superpixels(const image::Picture& picture, double scale, std::int64_t least);

}  // namespace pcnet::proposals
