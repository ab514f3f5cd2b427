#include "pcnet/metrics/peak.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::metrics {

namespace {

constexpr std::size_t kBlock = 1024;  // values that are looked at together

struct Highest {
  float value;
  bool finite;  // all of them
};

PCNET_ALSO_AVX2 Highest highest_of(const float* x, std::size_t count) {
  constexpr std::size_t kLanes = 16;  // side by side in registers
  float highest[kLanes];
  float zeros[kLanes] = {};  // a product with 0 is 0, or not a number
  std::fill_n(highest, kLanes, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane];
      highest[lane] = value > highest[lane] ? value : highest[lane];
      zeros[lane] += value * 0;
    }
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) {
    highest[lane] = std::max(highest[lane], x[i]);
    zeros[lane] += x[i] * 0;
  }
  return {*std::max_element(highest, highest + kLanes),
          std::all_of(zeros, zeros + kLanes, [](float zero) { return zero == 0; })};
}

[[noreturn]] void refuse(std::span<const float> map, std::int64_t width) {
  const auto bad = std::find_if(map.begin(), map.end(), [](float x) { return !std::isfinite(x); });
  const std::int64_t i = bad - map.begin();
  throw core::Error(core::cat("a response map holds ", *bad, " at row ", i / width, ", column ",
                              i % width, ", wanted finite values"));
}

}  // namespace

Peak find_peak(std::span<const float> map, std::int64_t width) {
  if (width < 1 || map.empty() || map.size() % static_cast<std::size_t>(width) != 0) {
    throw core::Error(
        core::cat("a response map of ", map.size(), " values has no rows of width ", width));
  }
  float best = -std::numeric_limits<float>::infinity();
  std::size_t block = 0;  // the first that has it
  for (std::size_t i = 0; i < map.size(); i += kBlock) {
    const Highest own = highest_of(&map[i], std::min(kBlock, map.size() - i));
    if (!own.finite) refuse(map, width);
    if (own.value <= best) continue;
    best = own.value;
    block = i;
  }
  const auto from = map.begin() + static_cast<std::ptrdiff_t>(block);
  const std::int64_t at = std::find(from, map.end(), best) - map.begin();
  return {at % width, at / width, map[static_cast<std::size_t>(at)]};
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
