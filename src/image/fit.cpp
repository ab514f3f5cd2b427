#include "pcnet/image/fit.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/overlay.h"

namespace pcnet::image {

namespace {

void check(std::int64_t height, std::int64_t width, std::int64_t side) {
  if (height >= 1 && width >= 1 && side >= 1) return;
  throw core::Error(
      core::cat("cannot fit an image of ", width, " x ", height, " into ", side, " pixels"));
}

/// A side of what is shrunk so that the longest becomes `side`; at least a pixel.
std::int64_t shrunk(std::int64_t length, std::int64_t longest, std::int64_t side) {
  const double exact =
      static_cast<double>(length) * static_cast<double>(side) / static_cast<double>(longest);
  return std::max<std::int64_t>(1, std::llround(exact));
}

/// The side to ask enlarge() for, whose factor is rounded up, so that the result still fits.
std::int64_t enlarged(std::int64_t longest, std::int64_t side) { return side / longest * longest; }

}  // namespace

Picture fit(const Picture& picture, std::int64_t side) {
  check(picture.height, picture.width, side);
  const std::int64_t longest = std::max(picture.height, picture.width);
  if (longest <= side) return enlarge(picture, enlarged(longest, side));
  Picture out(shrunk(picture.height, longest, side), shrunk(picture.width, longest, side));
  const cv::Mat from(static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC3,
                     const_cast<std::uint8_t*>(picture.rgb.data()));
  cv::Mat to(static_cast<int>(out.height), static_cast<int>(out.width), CV_8UC3, out.rgb.data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
  return out;
}

Mask fit(const Mask& mask, std::int64_t side) {
  check(mask.height, mask.width, side);
  const std::int64_t longest = std::max(mask.height, mask.width);
  if (longest <= side) return enlarge(mask, enlarged(longest, side));
  Mask out(shrunk(mask.height, longest, side), shrunk(mask.width, longest, side));
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      if (mask.at(y, x) == 0) continue;
      out.at(y * out.height / mask.height, x * out.width / mask.width) = 1;
    }
  }
  return out;
}

Picture stretch(const Picture& picture, std::int64_t height, std::int64_t width) {
  check(picture.height, picture.width, std::min(height, width));
  Picture out(height, width);
  const cv::Mat from(static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC3,
                     const_cast<std::uint8_t*>(picture.rgb.data()));
  cv::Mat to(static_cast<int>(height), static_cast<int>(width), CV_8UC3, out.rgb.data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_LINEAR);
  return out;
}

Picture widen(const Picture& picture, std::int64_t width) {
  if (picture.width >= width) return picture;
  Picture out(picture.height, width);
  std::fill(out.rgb.begin(), out.rgb.end(), std::uint8_t{250});
  const std::int64_t left = (width - picture.width) / 2;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    const std::uint8_t* from = picture.pixel(y, 0);
    std::copy(from, from + picture.width * 3, out.pixel(y, left));
  }
  return out;
}

}  // namespace pcnet::image
