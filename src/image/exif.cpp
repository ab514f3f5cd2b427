#include <algorithm>

#include "pcnet/core/mapped_file.h"

#include "byte_order.h"
#include "decoders.h"
#include "tiff_numbers.h"

namespace pcnet::image {

namespace {

constexpr std::string_view kMark("Exif\0\0", 6);

/// The EXIF segment before a JPEG's pixels. Stray bytes between segments are stepped over.
std::string_view exif_of_jpeg(std::string_view file) {
  for (std::size_t at = 2; at + 4 <= file.size();) {
    const std::uint32_t marker = big_endian(file.substr(at, 2));
    if (marker == 0xffda || marker == 0xffd9) break;
    if (marker <= 0xff00 || marker == 0xffff) {
      ++at;
      continue;
    }
    const std::size_t length = big_endian(file.substr(at + 2, 2));
    const std::string_view segment = file.substr(at + 4, std::max<std::size_t>(length, 2) - 2);
    if (marker == 0xffe1 && segment.starts_with(kMark)) return segment.substr(kMark.size());
    at += 2 + length;
  }
  return {};
}

/// The data of a PNG's EXIF chunk, which may stand behind the pixels too.
std::string_view exif_of_png(std::string_view file) {
  for (std::size_t at = 8; at + 8 <= file.size();) {
    const std::size_t length = big_endian(file.substr(at, 4));
    if (file.substr(at + 4, 4) == "eXIf") return file.substr(at + 8, length);
    at += 12 + length;
  }
  return {};
}

/// The data of a WebP's EXIF chunk; some programs write JPEG's mark before it.
std::string_view exif_of_webp(std::string_view file) {
  for (std::size_t at = 12; at + 8 <= file.size();) {
    const std::size_t length = little_endian(file.substr(at + 4, 4));
    if (file.substr(at, 4) == "EXIF") {
      const std::string_view exif = file.substr(at + 8, length);
      return exif.starts_with(kMark) ? exif.substr(kMark.size()) : exif;
    }
    at += 8 + length + length % 2;
  }
  return {};
}

/// The TIFF directory that EXIF is; empty when there is none.
std::string_view exif_of(std::string_view file) {
  if (file.starts_with("\xff\xd8")) return exif_of_jpeg(file);
  if (file.starts_with("\x89PNG\r\n\x1a\n")) return exif_of_png(file);
  if (file.starts_with("RIFF") && file.substr(8, 4) == "WEBP") return exif_of_webp(file);
  return {};
}

}  // namespace

int orientation_of(std::string_view file) {
  constexpr std::uint32_t kOrientation = 0x0112;
  const TiffNumbers numbers(exif_of(file));
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

int exif_orientation(const std::filesystem::path& path) {
  return orientation_of(core::MappedFile(path).bytes());
}

Picture oriented(Picture picture, int orientation) {
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
