#pragma once

#include <cstdint>
#include <vector>

#include <opencv2/core.hpp>

namespace pcnet::proposals {

/// Small regions of like colour, numbered from 0 row by row.
struct Superpixels {
  cv::Mat labels;  ///< CV_32S
  std::int32_t count = 0;
};

/// Felzenszwalb and Huttenlocher's graph-based segmentation (IJCV 2004, section 4): pixels and
/// their eight neighbours are a graph whose edges weigh the distance of colours; along the edges,
/// the lightest first, two regions become one when the edge is not heavier than the heaviest inside
/// either of them, to which `scale` / (pixels of the region) is added. Regions below `least` pixels
/// then join a neighbour.
/// @param colours CV_8UC3
Superpixels superpixels(const cv::Mat& colours, double scale, std::int64_t least);

}  // namespace pcnet::proposals
