#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/image/picture.h"

namespace pcnet::image {

/// COCO's run-length code of a mask: run lengths down the columns, the first run being zeros.
/// All functions are bit-identical to pycocotools.
struct Rle {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint32_t> counts;

  bool operator==(const Rle&) const = default;
};

Rle encode(const Mask& mask);
Mask decode(const Rle& rle);

/// COCO's compressed string (6-bit groups, sign, delta to the count two before).
std::string to_coco_string(const Rle& rle);
/// Error when the string breaks the format or its runs do not fill height x width.
Rle from_coco_string(std::string_view counts, std::int64_t height, std::int64_t width);

/// The mask of a closed polygon x0, y0, x1, y1, ... (at least three points) by COCO's rules.
Rle from_polygon(std::span<const double> xy, std::int64_t height, std::int64_t width);

/// The union (or the intersection) of masks of one size; an empty list is an Error.
Rle merge(std::span<const Rle> masks, bool intersect = false);

/// The pixels that are in exactly one of the masks of one size; an empty list is an Error.
Rle exactly_one(std::span<const Rle> masks);

/// Number of ones.
std::int64_t area(const Rle& rle);
/// Number of pixels in both; Error when the sizes differ.
std::int64_t intersection(const Rle& a, const Rle& b);
/// Tight box [x, y, width, height]; all zero for an empty mask.
std::array<std::int64_t, 4> bounding_box(const Rle& rle);

}  // namespace pcnet::image
