#pragma once

#include <cstdint>
#include <string>

namespace pcnet::support {

/// A PNG put together by hand, of kinds that the library reads and does not write.
struct PngParts {
  std::int64_t height = 0;
  std::int64_t width = 0;
  int bits = 8;
  int colour_type = 0;            ///< 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha
  std::string rows = {};          ///< as they are stored, one after the other
  std::string palette = {};       ///< red, green and blue of each index
  std::string transparency = {};  ///< of a palette: alpha of each index; else the colour that is
};
std::string png_bytes(const PngParts& parts);

/// The PNG with an EXIF orientation.
std::string with_orientation(const std::string& png, int orientation);

}  // namespace pcnet::support
