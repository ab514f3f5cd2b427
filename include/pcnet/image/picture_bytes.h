#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pcnet/image/picture.h"

namespace pcnet::image {

/// The size that the header of a JPEG, PNG, WebP, BMP or TIFF names, before any turn; nothing for
/// another kind of file or a header that is damaged.
std::optional<PictureSize> size_in_header(std::string_view file);

inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

/// read_picture of a file's bytes; the Error names no file. A JPEG of more than `most_pixels`
/// is an Error before its pixels are decoded.
Picture decode_picture(std::string_view file, bool apply_exif = false,
                       std::int64_t most_pixels = kMostPixels);

/// A PNG of a mask's bytes, 0 and 255, as write_png writes it.
std::string encode_png(const Mask& mask);
/// A PNG of grey pixels [height, width], compressed. Error for another number of bytes.
std::string encode_grey_png(std::string_view pixels, std::int64_t height, std::int64_t width);

}  // namespace pcnet::image
