#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "pcnet/image/rle.h"
#include "pcnet/proposals/box.h"

namespace pcnet::proposals {

/// The box from the first to the last pixel of the mask; all zero when it has none.
Box box_of(const image::Rle& mask);

/// Non-maximum suppression as torchvision's: the positions of the boxes that stay, the highest
/// score first and of equals the earlier. A box goes when its IoU with one that stays is above
/// `threshold`; a box's area is (x1 - x0)(y1 - y0), so that of a single row is 0.
std::vector<std::size_t> box_nms(std::span<const Box> boxes, std::span<const float> scores,
                                 double threshold);

}  // namespace pcnet::proposals
