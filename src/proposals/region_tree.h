#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pcnet/image/picture.h"
#include "pcnet/proposals/box.h"

#include "superpixels.h"

namespace pcnet::proposals {

/// A superpixel, or several together.
struct Region {
  static constexpr std::size_t kBins = 16;  // of each of three colours

  std::int64_t area = 0;                               // px
  Box box;                                             // x1 and y1 behind its last pixel
  std::array<std::int64_t, 3 * kBins> histogram = {};  // px
  std::int64_t outline = 0;   // pairs of neighbouring pixels of which one is outside
  std::int64_t contrast = 0;  // sum of their distances of colour, in 1 / kDistanceSteps
  std::int32_t left = -1;     // the two that it is made of; -1 for a superpixel
  std::int32_t right = -1;
  std::int32_t parent = -1;  // what it became a part of; -1 for the whole picture
};

/// The superpixels, then each region that came from joining two neighbours, the last being the
/// picture. Those with the smallest sum of four shares are joined first, in the manner of Selective
/// Search (Uijlings et al., IJCV 2013, section 3.2): how much their histograms differ, the contrast
/// along their common outline, and of the picture's area what they cover and what the box around
/// both holds beside them.
std::vector<Region> region_tree(const image::Picture& picture, const Superpixels& superpixels);

}  // namespace pcnet::proposals
