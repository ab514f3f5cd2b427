#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <opencv2/core.hpp>

#include "proposals/superpixels.h"

namespace pcnet::proposals {

/// What a superpixel, or several together, look like.
struct Region {
  static constexpr int kBins = 16;  // of each of three colours

  std::int64_t area = 0;                               // px
  std::int64_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;         // its box, x1 and y1 behind the last pixel
  std::array<std::int64_t, 3 * kBins> histogram = {};  // pixels
  std::int64_t rim = 0;                                // its pixels at the picture's border
  std::int64_t outline = 0;  // pairs of pixels of which one is outside, in the picture
  double contrast = 0;       // sum of their distances of colour
  std::int32_t left = -1;    // the two that it is made of; -1 for a superpixel
  std::int32_t right = -1;
  std::int32_t parent = -1;
  double cost = 0;  // at which its two were joined
};

/// What joins two neighbours first: the sum of these terms, each from 0 to about 1, times its
/// weight
struct MergingWeights {
  double colour = 0;    // difference of histograms
  double contrast = 0;  // of colours along the common outline
  double size = 0;      // area of both, as a share of the picture
  double fill = 0;      // what the box of both holds of others, as a share of the picture
};

/// The superpixels, then each region that came from joining two, the last being the picture.
std::vector<Region> region_tree(const cv::Mat& colours, const Superpixels& superpixels,
                                const MergingWeights& weights);

}  // namespace pcnet::proposals
