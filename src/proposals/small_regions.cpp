#include "small_regions.h"

#include <algorithm>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace pcnet::proposals {

namespace {

constexpr int kEightNeighbours = 8;

/// Connected pixels of the value `one`: a label for each pixel, 0 for the others, and sizes by
/// label.
struct Components {
  cv::Mat labels;  // CV_32S
  std::vector<std::int64_t> sizes;

  Components(const image::Mask& mask, std::uint8_t one) {
    const cv::Mat pixels(static_cast<int>(mask.height), static_cast<int>(mask.width), CV_8U,
                         const_cast<std::uint8_t*>(mask.data.data()));
    cv::Mat stats;
    cv::Mat centres;
    const int count = cv::connectedComponentsWithStats(pixels == one, labels, stats, centres,
                                                       kEightNeighbours, CV_32S);
    for (int i = 0; i < count; ++i) sizes.push_back(stats.at<int>(i, cv::CC_STAT_AREA));
    sizes[0] = 0;  // the others
  }

  std::vector<bool> at_least(std::int64_t area) const {
    std::vector<bool> large(sizes.size());
    std::transform(sizes.begin() + 1, sizes.end(), large.begin() + 1,
                   [area](std::int64_t size) { return size >= area; });
    return large;
  }

  bool has_smaller(std::int64_t area) const {
    return std::any_of(sizes.begin() + 1, sizes.end(),
                       [area](std::int64_t size) { return size < area; });
  }

  /// `mask` is 1 where `chosen` has the label's value.
  void write(image::Mask& mask, const std::vector<bool>& chosen) const {
    std::transform(labels.begin<int>(), labels.end<int>(), mask.data.begin(), [&](int label) {
      return static_cast<std::uint8_t>(chosen[static_cast<std::size_t>(label)]);
    });
  }
};

bool fill_holes(image::Mask& mask, std::int64_t area) {
  const Components holes(mask, 0);
  if (!holes.has_smaller(area)) return false;
  std::vector<bool> filled = holes.at_least(area);
  filled.flip();
  holes.write(mask, filled);
  return true;
}

bool clear_islands(image::Mask& mask, std::int64_t area) {
  const Components islands(mask, 1);
  if (!islands.has_smaller(area)) return false;
  std::vector<bool> kept = islands.at_least(area);
  if (std::find(kept.begin(), kept.end(), true) == kept.end()) {
    const auto largest = std::max_element(islands.sizes.begin(), islands.sizes.end());
    kept[static_cast<std::size_t>(largest - islands.sizes.begin())] = true;
  }
  islands.write(mask, kept);
  return true;
}

}  // namespace

bool remove_small_regions(image::Mask& mask, std::int64_t area) {
  const bool filled = fill_holes(mask, area);
  return clear_islands(mask, area) || filled;
}

}  // namespace pcnet::proposals
