#include "pcnet/image/mask_points.h"

#include <algorithm>
#include <limits>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace pcnet::image {

namespace {

/// Calls `use(x, y)` for each pixel of the mask, in row-major order.
template <class Use>
void for_each_pixel(const Mask& mask, Use use) {
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      if (mask.at(y, x) != 0) use(x, y);
    }
  }
}

}  // namespace

std::vector<float> depth_of(const Mask& mask) {
  std::vector<float> depth(mask.data.size());
  if (depth.empty()) return depth;
  const auto height = static_cast<int>(mask.height);
  const auto width = static_cast<int>(mask.width);
  const cv::Mat inside(height, width, CV_8U, const_cast<std::uint8_t*>(mask.data.data()));
  cv::Mat framed;  // by one pixel of background
  cv::copyMakeBorder(inside, framed, 1, 1, 1, 1, cv::BORDER_CONSTANT, cv::Scalar(0));
  cv::Mat distance;
  cv::distanceTransform(framed, distance, cv::DIST_L2, cv::DIST_MASK_PRECISE, CV_32F);
  cv::Mat kept(height, width, CV_32F, depth.data());
  distance(cv::Rect(1, 1, width, height)).copyTo(kept);
  return depth;
}

std::optional<Pixel> interior_point(const Mask& mask) {
  const std::vector<float> depth = depth_of(mask);
  const auto deepest = std::max_element(depth.begin(), depth.end());
  if (deepest == depth.end() || *deepest <= 0) return std::nullopt;
  const std::int64_t place = deepest - depth.begin();
  return Pixel{.x = place % mask.width, .y = place / mask.width};
}

std::optional<Pixel> centroid_point(const Mask& mask) {
  double count = 0;
  double sum_x = 0;
  double sum_y = 0;
  for_each_pixel(mask, [&](std::int64_t x, std::int64_t y) {
    ++count;
    sum_x += static_cast<double>(x);
    sum_y += static_cast<double>(y);
  });
  std::optional<Pixel> nearest;
  double least = std::numeric_limits<double>::infinity();
  for_each_pixel(mask, [&](std::int64_t x, std::int64_t y) {
    // Times the number of pixels, so that equal distances are equal numbers.
    const double across = count * static_cast<double>(x) - sum_x;
    const double down = count * static_cast<double>(y) - sum_y;
    const double distance = across * across + down * down;
    if (distance >= least) return;
    least = distance;
    nearest = {x, y};
  });
  return nearest;
}

std::optional<Pixel> random_point(const Mask& mask, core::Rng& rng) {
  const auto count = std::count(mask.data.begin(), mask.data.end(), 1);
  if (count == 0) return std::nullopt;
  auto left = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(count)));
  Pixel drawn;
  for_each_pixel(mask, [&](std::int64_t x, std::int64_t y) {
    if (left-- == 0) drawn = {x, y};
  });
  return drawn;
}

}  // namespace pcnet::image
