#pragma once

#include <cstdint>

#include "pcnet/image/picture.h"

namespace pcnet::proposals {

/// Fills the mask's holes of fewer than `area` pixels, then clears its islands of fewer; when all
/// are smaller the largest stays. Pixels that touch at a corner are connected, and what touches the
/// border is a hole too. True when there was any of either.
bool remove_small_regions(image::Mask& mask, std::int64_t area);

}  // namespace pcnet::proposals
