#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pcnet/image/picture.h"
#include "pcnet/image/picture_bytes.h"

namespace pcnet::image {

// The decoders throw core::Error with what is wrong, without the file's name.

/// JPEG of any kind libjpeg knows. libjpeg goes on where data are missing or damaged and fills the
/// rest with grey; here that is an Error, as are more scans than any program writes, each of which
/// goes over all pixels.
Picture decode_jpeg(std::string_view bytes, std::int64_t most_pixels);

/// Checks a PNG's chunks (order, lengths, checksums, end) and returns the file without the chunks
/// that do not change pixels, which the decoder would only comment on.
std::string checked_png(std::string_view bytes);

/// read_mask of a file's bytes.
Mask decode_mask(std::string_view bytes);

inline bool is_tiff(std::string_view file) {
  return file.starts_with(std::string_view("II*\0", 4)) ||
         file.starts_with(std::string_view("MM\0*", 4));
}

/// Checks that the pixel data a TIFF points to lie inside of the file.
void check_tiff(std::string_view bytes);

/// EXIF's orientation, 1 to 8, of a whole JPEG, PNG or WebP; 1 when it says nothing.
int orientation_of(std::string_view file);

/// The picture turned and mirrored as an EXIF orientation says.
Picture oriented(Picture picture, int orientation);

}  // namespace pcnet::image
