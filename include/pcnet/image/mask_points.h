#pragma once

#include <cstdint>
#include <optional>

#include "pcnet/core/random.h"
#include "pcnet/image/picture.h"

namespace pcnet::image {

/// A pixel: x to the right, y downwards, from 0.
struct Pixel {
  std::int64_t x = 0;
  std::int64_t y = 0;

  bool operator==(const Pixel&) const = default;
};

/// The pixel of a mask farthest from all that is outside of it, the image's border included, by
/// Euclidean distance; of several the first in row-major order. None of an empty mask.
std::optional<Pixel> interior_point(const Mask& mask);
/// The pixel of a mask nearest to its centre of mass; of several the first in row-major order.
std::optional<Pixel> centroid_point(const Mask& mask);
/// Any pixel of a mask, all alike.
std::optional<Pixel> random_point(const Mask& mask, core::Rng& rng);

}  // namespace pcnet::image
