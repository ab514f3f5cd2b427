#pragma once

#include <cstdint>

#include "pcnet/image/picture.h"

namespace pcnet::image {

/// The picture as large as fits into a square of `side` pixels: enlarged by a whole factor, or
/// shrunk by averaging. Error for a picture without pixels or a side below 1.
Picture fit(const Picture& picture, std::int64_t side);
/// The same for a mask; when shrunk, a pixel is in it that holds any of it, so that small objects
/// stay to be seen.
Mask fit(const Mask& mask, std::int64_t side);

/// The picture at another size, its aspect ratio not kept, bilinear. Error as above.
Picture stretch(const Picture& picture, std::int64_t height, std::int64_t width);

/// The picture in the middle of a light ground of at least `width` pixels.
Picture widen(const Picture& picture, std::int64_t width);

}  // namespace pcnet::image
