#include "pcnet/engine/segmentor.h"

#include <numeric>

namespace pcnet::engine {

image::Mask threshold_mask(std::span<const float> map, std::int64_t height, std::int64_t width,
                           float maximum, double threshold) {
  image::Mask mask(height, width);
  const auto bound = static_cast<float>(threshold * (static_cast<double>(maximum) + 1e-5));
  for (std::size_t i = 0; i < map.size(); ++i) mask.data[i] = map[i] > bound ? 1 : 0;
  return mask;
}

std::int64_t count(const image::Mask& mask) {
  return std::accumulate(mask.data.begin(), mask.data.end(), std::int64_t{0});
}

std::int64_t count_both(const image::Mask& a, const image::Mask& b) {
  std::int64_t both = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) both += a.data[i] & b.data[i];
  return both;
}

const image::Mask* proposal_at(const std::vector<image::Mask>& proposals,
                               const metrics::Peak& peak) {
  const image::Mask* smallest = nullptr;
  for (const auto& proposal : proposals) {
    if (proposal.at(peak.y, peak.x) == 0) continue;
    if (smallest == nullptr || count(proposal) < count(*smallest)) smallest = &proposal;
  }
  return smallest;
}

const image::Mask* best_proposal(const std::vector<image::Mask>& proposals,
                                 const image::Mask& truth) {
  const image::Mask* best = nullptr;
  double best_iou = -1;
  for (const auto& proposal : proposals) {
    const std::int64_t both = count_both(proposal, truth);
    const std::int64_t either = count(proposal) + count(truth) - both;
    const double iou = either > 0 ? static_cast<double>(both) / static_cast<double>(either) : 0;
    if (iou > best_iou) {
      best_iou = iou;
      best = &proposal;
    }
  }
  return best;
}

}  // namespace pcnet::engine
