#include "boxes.h"

#include <algorithm>
#include <numeric>

namespace pcnet::proposals {

namespace {

float area(const Box& box) {
  return static_cast<float>(box.x1 - box.x0) * static_cast<float>(box.y1 - box.y0);
}

/// Not a number for two boxes without area.
float iou(const Box& a, const Box& b) {
  const auto width = std::max<std::int64_t>(0, std::min(a.x1, b.x1) - std::max(a.x0, b.x0));
  const auto height = std::max<std::int64_t>(0, std::min(a.y1, b.y1) - std::max(a.y0, b.y0));
  const float both = static_cast<float>(width) * static_cast<float>(height);
  return both / (area(a) + area(b) - both);
}

}  // namespace

Box box_of(const image::Rle& mask) {
  const auto [x, y, width, height] = image::bounding_box(mask);
  if (width == 0) return {0, 0, 0, 0};
  return {x, y, x + width - 1, y + height - 1};
}

std::vector<std::size_t> box_nms(std::span<const Box> boxes, std::span<const float> scores,
                                 double threshold) {
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<std::size_t> kept;
  for (const std::size_t i : order) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](std::size_t j) {
      return static_cast<double>(iou(boxes[j], boxes[i])) > threshold;
    });
    if (!known) kept.push_back(i);
  }
  return kept;
}

}  // namespace pcnet::proposals
