#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/image/picture.h"

namespace pcnet::image {

/// A pixel: x to the right, y downwards, from 0.
struct Pixel {
  std::int64_t x = 0;
  std::int64_t y = 0;

  bool operator==(const Pixel&) const = default;
};

/// How far each pixel of a mask lies from the nearest one outside of it, in pixels from centre to
/// centre (Euclidean), 0 outside: [height x width], row-major. What is beyond the image is outside.
std::vector<float> depth_of(const Mask& mask);

/// The deepest pixel of a mask (depth_of); of several the first in row-major order. None of an
/// empty mask.
std::optional<Pixel> interior_point(const Mask& mask);
/// The pixel of a mask nearest to its centre of mass; of several the first in row-major order.
std::optional<Pixel> centroid_point(const Mask& mask);
/// Any pixel of a mask, all alike.
std::optional<Pixel> random_point(const Mask& mask, core::Rng& rng);

}  // namespace pcnet::image
