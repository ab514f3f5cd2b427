#include "json_masks.h"

#include <cstdint>
#include <limits>

#include "json_lines.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

std::int64_t side_of(const json& size, std::size_t i) {
  const std::int64_t side = whole_number(size.at(i), "a side of the size");
  if (side < 1 || side > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(cat("a side of its mask is ", side, ", wanted 1 to 65535 px"));
  }
  return side;
}

image::Rle from_runs(const json& counts, std::int64_t height, std::int64_t width) {
  image::Rle rle{height, width, {}};
  const std::int64_t pixels = height * width;
  std::int64_t sum = 0;
  for (const auto& count : counts) {
    const std::int64_t run = whole_number(count, "a run");
    if (run < 0 || run > pixels - sum) {
      throw Error(cat("run ", rle.counts.size(), " is ", run, ", wanted 0 to the ", pixels - sum,
                      " pixels that are left"));
    }
    sum += run;
    rle.counts.push_back(static_cast<std::uint32_t>(run));
  }
  if (sum != pixels) {
    throw Error(cat("its runs sum to ", sum, ", wanted height x width = ", pixels));
  }
  return rle;
}

}  // namespace

image::Rle read_rle(const json& mask) {
  if (!mask.is_object()) {
    throw Error(cat("its mask is ", shown(mask),
                    ", wanted an RLE {\"size\": [height, width], \"counts\": ...}"));
  }
  const json& size = member(mask, "size");
  if (!size.is_array() || size.size() != 2) {
    throw Error(cat("its size is ", shown(size), ", wanted [height, width]"));
  }
  const std::int64_t height = side_of(size, 0);
  const std::int64_t width = side_of(size, 1);
  const json& counts = member(mask, "counts");
  if (counts.is_string()) {
    return image::from_coco_string(counts.get_ref<const std::string&>(), height, width);
  }
  if (counts.is_array()) return from_runs(counts, height, width);
  throw Error(cat("its counts are ", shown(counts), ", wanted COCO's text or a list of runs"));
}

}  // namespace pcnet::data
