#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/image/rle.h"

namespace pcnet::data {

/// Which masks have a plane on a grid: of more than `most` the largest, in their order.
std::vector<std::size_t> grid_places(const std::vector<image::Rle>& masks, std::int64_t most);

/// Proposals on the grid of the losses, [most, height, width] uint8: a cell is 1 where at least
/// half of its area is covered (docs/method.md#cues-and-proposals). A mask too small for any cell
/// keeps its fullest one (the first of equals): all-zero planes are padding and never win, and
/// small objects need a proposal too. Which masks have a plane says grid_places().
at::Tensor to_grid(const std::vector<image::Rle>& masks, std::int64_t height, std::int64_t width,
                   std::int64_t most);

/// The same by nearest neighbour, as torch's `interpolate` does it; the released code does this
/// with a grid of 32 x 32. A mask that no sample hits becomes all zero, as there.
at::Tensor to_grid_nearest(const std::vector<image::Rle>& masks, std::int64_t height,
                           std::int64_t width, std::int64_t most);

}  // namespace pcnet::data
