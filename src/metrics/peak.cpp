#include "pcnet/metrics/peak.h"

#include <cmath>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::metrics {

Peak find_peak(std::span<const float> map, std::int64_t width) {
  if (width < 1 || map.empty() || map.size() % static_cast<std::size_t>(width) != 0) {
    throw core::Error(
        core::cat("a response map of ", map.size(), " values has no rows of width ", width));
  }
  std::size_t best = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (!std::isfinite(map[i])) {
      throw core::Error(core::cat("a response map holds ", map[i], " at row ",
                                  static_cast<std::int64_t>(i) / width, ", column ",
                                  static_cast<std::int64_t>(i) % width, ", wanted finite values"));
    }
    if (map[i] > map[best]) best = i;
  }
  const auto at = static_cast<std::int64_t>(best);
  return {at % width, at / width, map[best]};
}

bool hits_mask(const Peak& peak, const image::Mask& mask) {
  if (peak.x < 0 || peak.y < 0 || peak.x >= mask.width || peak.y >= mask.height) {
    throw core::Error(core::cat("the peak (", peak.x, ", ", peak.y,
                                ") lies outside of the mask of ", mask.width, " x ", mask.height,
                                " pixels (width x height)"));
  }
  return mask.at(peak.y, peak.x) != 0;
}

bool hits_box(const Peak& peak, const std::array<double, 4>& box) {
  const auto inside = [](std::int64_t at, double start, double length) {
    return static_cast<std::int64_t>(start) <= at &&
           at <= static_cast<std::int64_t>(start + length);
  };
  return inside(peak.x, box[0], box[2]) && inside(peak.y, box[1], box[3]);
}

}  // namespace pcnet::metrics
