#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/image/picture.h"

namespace pcnet::image {

/// A copy of the picture as bytes [3, height, width]; its memory is channels-last.
at::Tensor to_tensor(const Picture& picture);
/// The mask whose pixels are those of inside [height, width], bool.
Mask to_mask(const at::Tensor& inside);

/// The picture stretched to bytes [3, height, width], bilinear with anti-aliasing, equal to Pillow
/// 11's: along the rows, rounded to bytes, then along the columns. Memory is channels-last. Error
/// for an empty picture or a side below 1.
at::Tensor resize(const Picture& picture, std::int64_t height, std::int64_t width);
at::Tensor resize_square(const Picture& picture, std::int64_t size);

}  // namespace pcnet::image
