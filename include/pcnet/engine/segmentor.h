#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"
#include "pcnet/metrics/peak.h"

namespace pcnet::engine {

/// Pixels of a map [H, W] that are above `threshold` after division by its maximum (+ 1e-5).
image::Mask threshold_mask(std::span<const float> map, std::int64_t height, std::int64_t width,
                           float maximum, double threshold);

/// The smallest proposal that holds the peak; null when none does.
const image::Mask* proposal_at(const std::vector<image::Mask>& proposals,
                               const metrics::Peak& peak);

/// The proposal with the highest IoU with the ground truth; null when there is none.
const image::Mask* best_proposal(const std::vector<image::Mask>& proposals,
                                 const image::Mask& truth);

/// Number of ones; of ones in both masks (of one size).
std::int64_t count(const image::Mask& mask);
std::int64_t count_both(const image::Mask& a, const image::Mask& b);

}  // namespace pcnet::engine
