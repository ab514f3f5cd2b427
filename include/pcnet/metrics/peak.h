#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "pcnet/image/picture.h"

namespace pcnet::metrics {

/// A pixel of the original picture, x right, y down, from 0, and the map's value there.
struct Peak {
  std::int64_t x = 0;
  std::int64_t y = 0;
  double score = 0;
};

/// The first largest value in row-major order of a map [height, width]. Error when the map is
/// empty, no multiple of the width, or not finite.
Peak find_peak(std::span<const float> map, std::int64_t width);

/// Whether the mask is 1 at the peak; Error when the peak lies outside of the mask's picture.
bool hits_mask(const Peak& peak, const image::Mask& mask);

/// Whether the peak lies in the box [x, y, width, height], both borders included:
/// int(x) <= column <= int(x + width), and the same for the rows.
bool hits_box(const Peak& peak, const std::array<double, 4>& box);

}  // namespace pcnet::metrics
