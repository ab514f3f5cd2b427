#pragma once

#include <cstdint>
#include <vector>

#include "pcnet/config/mask_generator_options.h"
#include "pcnet/proposals/box.h"
#include "pcnet/proposals/click_decoder.h"

namespace pcnet::proposals {

/// A part of the picture, x1 and y1 behind its last pixel, and the side of its grid of points.
struct Crop {
  Box box;
  std::int64_t points_per_side = 0;

  std::int64_t height() const { return box.y1 - box.y0; }
  std::int64_t width() const { return box.x1 - box.x0; }
};

/// The whole picture, then layer by layer the crops, column by column. Error when a crop has no
/// pixels or no points.
std::vector<Crop> crops_of(std::int64_t height, std::int64_t width,
                           const config::MaskGeneratorOptions& options);

/// `side` x `side` points in the middles of equal cells of a height x width picture, row by row.
std::vector<Point> point_grid(std::int64_t side, std::int64_t height, std::int64_t width);

/// True when a side of the box, of the whole picture's pixels, lies within 20 px of the crop's, but
/// not of the picture's: the crop may have cut the mask off.
bool is_cut_off(const Box& box, const Box& crop, std::int64_t height, std::int64_t width);

}  // namespace pcnet::proposals
