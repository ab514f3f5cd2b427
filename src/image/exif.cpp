#include <algorithm>

#include "decoders.h"
#include "tiff_numbers.h"

namespace pcnet::image {

int exif_orientation(std::string_view app1) {
  constexpr std::string_view kMagic("Exif\0\0", 6);
  constexpr std::uint32_t kOrientation = 0x0112;
  if (!app1.starts_with(kMagic)) return 1;
  const TiffNumbers numbers(app1.substr(kMagic.size()));
  const std::size_t directory = numbers.at(4, 4);
  const std::uint32_t entries = numbers.at(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    if (numbers.at(entry, 2) != kOrientation) continue;
    const std::uint32_t value = numbers.at(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Picture oriented(const Picture& picture, int orientation) {
  if (orientation == 1) return picture;
  const bool swap_sides = orientation >= 5;
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Picture out(swap_sides ? picture.width : picture.height,
              swap_sides ? picture.height : picture.width);
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      std::int64_t from_y = swap_sides ? x : y;
      std::int64_t from_x = swap_sides ? y : x;
      if (mirror_x) from_x = picture.width - 1 - from_x;
      if (mirror_y) from_y = picture.height - 1 - from_y;
      const std::uint8_t* from = picture.pixel(from_y, from_x);
      std::copy(from, from + 3, out.pixel(y, x));
    }
  }
  return out;
}

}  // namespace pcnet::image
