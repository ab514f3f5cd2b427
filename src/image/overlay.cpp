#include "pcnet/image/overlay.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::image {

namespace {

using core::cat;
using core::Error;

constexpr std::uint8_t kLight = 240;  // ground of a sheet

void check_size(const Picture& picture, std::int64_t height, std::int64_t width, const char* what) {
  if (picture.height == height && picture.width == width) return;
  throw Error(cat("the ", what, " of ", height, " x ", width, " does not fit the image of ",
                  picture.height, " x ", picture.width));
}

void check_opacity(double opacity) {
  if (!(opacity >= 0 && opacity <= 1)) {
    throw Error(cat("an opacity is ", opacity, ", wanted 0 to 1"));
  }
}

std::uint8_t mix(std::uint8_t under, double over, double opacity) {
  return static_cast<std::uint8_t>(std::lround(under * (1 - opacity) + over * opacity));
}

/// Blue, cyan, green, yellow, red for 0 to 1.
std::array<double, 3> heat(double value) {
  const auto hill = [&](double middle) {
    return 255 * std::clamp(1.5 - std::abs(4 * value - middle), 0.0, 1.0);
  };
  return {hill(3), hill(2), hill(1)};
}

std::int64_t enlarge_factor(std::int64_t height, std::int64_t width, std::int64_t wanted) {
  const std::int64_t longest = std::max(height, width);
  if (longest < 1) throw Error("an image without pixels cannot be enlarged");
  return std::max<std::int64_t>(1, (wanted + longest - 1) / longest);
}

struct Corner {
  std::int64_t x;
  std::int64_t y;
};

/// Fills the box between two corners, both included, as far as it lies in the picture.
void fill_box(Picture& picture, Corner first, Corner last, Colour colour) {
  for (auto y = std::max<std::int64_t>(0, first.y); y <= std::min(last.y, picture.height - 1);
       ++y) {
    for (auto x = std::max<std::int64_t>(0, first.x); x <= std::min(last.x, picture.width - 1);
         ++x) {
      std::copy(colour.begin(), colour.end(), picture.pixel(y, x));
    }
  }
}

}  // namespace

Picture enlarge(const Picture& picture, std::int64_t min_longest_side) {
  const std::int64_t factor = enlarge_factor(picture.height, picture.width, min_longest_side);
  Picture out(picture.height * factor, picture.width * factor);
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      const std::uint8_t* from = picture.pixel(y / factor, x / factor);
      std::copy(from, from + 3, out.pixel(y, x));
    }
  }
  return out;
}

Mask enlarge(const Mask& mask, std::int64_t min_longest_side) {
  const std::int64_t factor = enlarge_factor(mask.height, mask.width, min_longest_side);
  Mask out(mask.height * factor, mask.width * factor);
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) out.at(y, x) = mask.at(y / factor, x / factor);
  }
  return out;
}

Picture draw_response(const Picture& picture, std::span<const float> map, double opacity) {
  check_opacity(opacity);
  if (map.size() * 3 != picture.rgb.size()) {
    throw Error(cat("a response map of ", map.size(), " values does not fit the image of ",
                    picture.height, " x ", picture.width));
  }
  Picture out = picture;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const double value = std::isfinite(map[i]) ? std::clamp<double>(map[i], 0, 1) : 0;
    const std::array<double, 3> colour = heat(value);
    const double weight = opacity * (0.35 + 0.65 * value);
    for (std::size_t c = 0; c < 3; ++c) {
      out.rgb[3 * i + c] = mix(out.rgb[3 * i + c], colour[c], weight);
    }
  }
  return out;
}

void draw_outline(Picture& picture, const Mask& mask, Colour colour, int thickness) {
  check_size(picture, mask.height, mask.width, "mask");
  if (thickness < 1)
    throw Error(cat("an outline's thickness is ", thickness, ", wanted 1 or more"));
  const cv::Mat whole(static_cast<int>(mask.height), static_cast<int>(mask.width), CV_8U,
                      const_cast<std::uint8_t*>(mask.data.data()));
  const int side = 2 * thickness + 1;
  cv::Mat inner;
  cv::erode(whole, inner, cv::getStructuringElement(cv::MORPH_ELLIPSE, {side, side}), {-1, -1}, 1,
            cv::BORDER_CONSTANT, cv::Scalar(0));
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      const bool edge = mask.at(y, x) != 0 &&
                        inner.at<std::uint8_t>(static_cast<int>(y), static_cast<int>(x)) == 0;
      if (edge) std::copy(colour.begin(), colour.end(), picture.pixel(y, x));
    }
  }
}

void tint(Picture& picture, const Mask& mask, Colour colour, double opacity) {
  check_size(picture, mask.height, mask.width, "mask");
  check_opacity(opacity);
  for (std::size_t i = 0; i < mask.data.size(); ++i) {
    if (mask.data[i] == 0) continue;
    for (std::size_t c = 0; c < 3; ++c) {
      picture.rgb[3 * i + c] = mix(picture.rgb[3 * i + c], colour[c], opacity);
    }
  }
}

void spotlight(Picture& picture, const Mask& mask, Colour colour) {
  Mask around = mask;
  for (auto& pixel : around.data) pixel = pixel == 0 ? 1 : 0;
  tint(picture, around, {0, 0, 0}, 0.4);
  draw_outline(picture, mask, {0, 0, 0}, 4);
  draw_outline(picture, mask, colour, 2);
}

void draw_label(Picture& picture, const Mask& mask, const std::string& text) {
  check_size(picture, mask.height, mask.width, "mask");
  const cv::Mat whole(static_cast<int>(mask.height), static_cast<int>(mask.width), CV_8U,
                      const_cast<std::uint8_t*>(mask.data.data()));
  cv::Mat framed;  // by zeros: what is beside the picture is no part of the mask
  cv::Mat depth;
  cv::copyMakeBorder(whole, framed, 1, 1, 1, 1, cv::BORDER_CONSTANT, cv::Scalar(0));
  cv::distanceTransform(framed, depth, cv::DIST_L2, cv::DIST_MASK_5);
  double deepest = 0;
  cv::Point place;
  cv::minMaxLoc(depth, nullptr, &deepest, nullptr, &place);
  if (deepest <= 0) return;
  constexpr int kLabelFont = cv::FONT_HERSHEY_SIMPLEX;
  constexpr double kScale = 0.4;
  int below = 0;
  const cv::Size size = cv::getTextSize(text, kLabelFont, kScale, 1, &below);
  const cv::Point corner(place.x - 1 - size.width / 2, place.y - 1 + size.height / 2);
  const cv::Mat canvas(static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC3,
                       picture.rgb.data());
  cv::putText(canvas, text, corner, kLabelFont, kScale, {20, 20, 20}, 3, cv::LINE_AA);
  cv::putText(canvas, text, corner, kLabelFont, kScale, {255, 255, 255}, 1, cv::LINE_AA);
}

void draw_peak(Picture& picture, std::int64_t x, std::int64_t y) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) {
    throw Error(cat("the peak (", x, ", ", y, ") lies outside of the image of ", picture.width,
                    " x ", picture.height, " pixels (width x height)"));
  }
  const std::int64_t scale =
      std::max<std::int64_t>(1, std::max(picture.height, picture.width) / 160);
  const std::int64_t arm = 4 * scale + 3;
  const std::int64_t half = (scale + 1) / 2;
  const std::int64_t border = (scale + 2) / 2;
  // A light cross on a dark one that is a little larger all around.
  for (const std::int64_t grow : {border, std::int64_t{0}}) {
    const Colour colour = grow > 0 ? Colour{20, 20, 20} : Colour{255, 255, 255};
    fill_box(picture, {x - arm - grow, y - half - grow}, {x + arm + grow, y + half + grow}, colour);
    fill_box(picture, {x - half - grow, y - arm - grow}, {x + half + grow, y + arm + grow}, colour);
  }
}

Picture sheet(std::span<const Picture> pictures, std::int64_t columns) {
  if (pictures.empty() || columns < 1) {
    throw Error(
        cat("a sheet of ", pictures.size(), " images in ", columns, " columns is not possible"));
  }
  constexpr std::int64_t kGap = 8;
  std::int64_t cell_height = 0;
  std::int64_t cell_width = 0;
  for (const Picture& picture : pictures) {
    cell_height = std::max(cell_height, picture.height);
    cell_width = std::max(cell_width, picture.width);
  }
  const auto count = static_cast<std::int64_t>(pictures.size());
  columns = std::min(columns, count);
  const std::int64_t rows = (count + columns - 1) / columns;
  Picture out(rows * (cell_height + kGap) + kGap, columns * (cell_width + kGap) + kGap);
  std::fill(out.rgb.begin(), out.rgb.end(), kLight);
  for (std::int64_t i = 0; i < count; ++i) {
    const Picture& picture = pictures[static_cast<std::size_t>(i)];
    if (picture.rgb.empty()) continue;
    // Captions of different heights stand above pictures that line up.
    const std::int64_t top =
        kGap + i / columns * (cell_height + kGap) + cell_height - picture.height;
    const std::int64_t left =
        kGap + i % columns * (cell_width + kGap) + (cell_width - picture.width) / 2;
    for (std::int64_t y = 0; y < picture.height; ++y) {
      const std::uint8_t* from = picture.pixel(y, 0);
      std::copy(from, from + picture.width * 3, out.pixel(top + y, left));
    }
  }
  return out;
}

Picture stack(std::span<const Picture> pictures) {
  if (pictures.empty()) throw Error("there are no pictures to put below each other");
  std::int64_t height = 0;
  std::int64_t width = 0;
  for (const Picture& picture : pictures) {
    height += picture.height;
    width = std::max(width, picture.width);
  }
  Picture out(height, width);
  std::fill(out.rgb.begin(), out.rgb.end(), kLight);
  std::int64_t top = 0;
  for (const Picture& picture : pictures) {
    for (std::int64_t y = 0; y < picture.height; ++y) {
      const std::uint8_t* from = picture.pixel(y, 0);
      std::copy(from, from + picture.width * 3, out.pixel(top + y, 0));
    }
    top += picture.height;
  }
  return out;
}

}  // namespace pcnet::image
