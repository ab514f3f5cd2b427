#include "crops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::proposals {

namespace {

constexpr std::int64_t kNear = 20;  // px

/// Length of `count` crops that cover `length` with that overlap.
std::int64_t crop_length(std::int64_t length, std::int64_t count, std::int64_t overlap) {
  const auto sum = static_cast<double>(overlap * (count - 1) + length);
  return static_cast<std::int64_t>(std::ceil(sum / static_cast<double>(count)));
}

/// The double products and their order are those of the Python package.
void append_layer(std::vector<Crop>& crops, std::int64_t height, std::int64_t width,
                  std::int64_t layer, const config::MaskGeneratorOptions& options) {
  const std::int64_t count = std::int64_t{1} << layer;
  const auto shorter = static_cast<double>(std::min(height, width));
  const auto overlap = static_cast<std::int64_t>(options.crop_overlap * shorter *
                                                 (2.0 / static_cast<double>(count)));
  const double points = static_cast<double>(options.points_per_side) /
                        std::pow(static_cast<double>(options.crop_points_factor), layer);
  const std::int64_t across = crop_length(width, count, overlap);
  const std::int64_t down = crop_length(height, count, overlap);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int64_t x = (across - overlap) * i;
      const std::int64_t y = (down - overlap) * j;
      crops.push_back({{x, y, std::min(x + across, width), std::min(y + down, height)},
                       static_cast<std::int64_t>(points)});
    }
  }
}

}  // namespace

std::vector<Crop> crops_of(std::int64_t height, std::int64_t width,
                           const config::MaskGeneratorOptions& options) {
  std::vector<Crop> crops = {{{0, 0, width, height}, options.points_per_side}};
  for (std::int64_t layer = 1; layer <= options.crop_layers; ++layer) {
    append_layer(crops, height, width, layer, options);
  }
  for (const Crop& crop : crops) {
    if (crop.height() < 1 || crop.width() < 1) {
      throw core::Error(core::cat("mask generator: a picture of ", width, " x ", height,
                                  " pixels is too small for crop_layers ", options.crop_layers,
                                  ": a crop would have no pixels; wanted fewer layers"));
    }
    if (crop.points_per_side < 1) {
      throw core::UsageError(
          core::cat("mask generator: points_per_side ", options.points_per_side,
                    " divided by crop_points_factor ", options.crop_points_factor, " in each of ",
                    options.crop_layers,
                    " crop_layers leaves no point in the last; wanted more points, a "
                    "smaller factor or fewer layers"));
    }
  }
  return crops;
}

std::vector<Point> point_grid(std::int64_t side, std::int64_t height, std::int64_t width) {
  // numpy's linspace, whose last value is set, not computed.
  const auto count = static_cast<double>(side);
  const double first = 1 / (2 * count);
  const double last = 1 - first;
  std::vector<double> places;
  for (std::int64_t i = 0; i < side; ++i) {
    const double step = side > 1 ? (last - first) / (count - 1) : 0;
    places.push_back(static_cast<double>(i) * step + first);
  }
  if (side > 1) places.back() = last;
  std::vector<Point> points;
  for (const double y : places) {
    for (const double x : places) {
      points.push_back({x * static_cast<double>(width), y * static_cast<double>(height)});
    }
  }
  return points;
}

bool is_cut_off(const Box& box, const Box& crop, std::int64_t height, std::int64_t width) {
  const std::array<std::array<std::int64_t, 3>, 4> sides = {{{box.x0, crop.x0, 0},
                                                             {box.y0, crop.y0, 0},
                                                             {box.x1, crop.x1, width},
                                                             {box.y1, crop.y1, height}}};
  return std::any_of(sides.begin(), sides.end(), [](const auto& side) {
    const auto& [of_box, of_crop, of_picture] = side;
    return std::abs(of_box - of_crop) <= kNear && std::abs(of_box - of_picture) > kNear;
  });
}

}  // namespace pcnet::proposals
