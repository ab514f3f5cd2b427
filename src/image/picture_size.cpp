#include <algorithm>
#include <optional>

#include "pcnet/core/mapped_file.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/picture_bytes.h"

#include "byte_order.h"
#include "decoders.h"
#include "tiff_numbers.h"

namespace pcnet::image {

namespace {

using Size = std::optional<PictureSize>;

/// The first start-of-frame segment; the others are stepped over by their lengths.
Size jpeg_size(std::string_view file) {
  constexpr std::size_t kMostSegments = 4096;
  std::size_t at = 2;
  for (std::size_t i = 0; i < kMostSegments; ++i) {
    if (at + 9 > file.size() || file[at] != '\xff') return std::nullopt;
    const std::string_view segment = file.substr(at, 9);
    const int kind = static_cast<unsigned char>(segment[1]);
    if (kind == 0xff) {  // fill bytes may precede a segment
      ++at;
      continue;
    }
    if (kind == 0x01 || (kind >= 0xd0 && kind <= 0xd7)) {  // these have no length
      at += 2;
      continue;
    }
    const bool tables = kind == 0xc4 || kind == 0xc8 || kind == 0xcc;
    if (kind >= 0xc0 && kind <= 0xcf && !tables) {
      return PictureSize{big_endian(segment.substr(5, 2)), big_endian(segment.substr(7, 2))};
    }
    if (kind == 0xd9 || kind == 0xda) return std::nullopt;
    at += 2 + big_endian(segment.substr(2, 2));
  }
  return std::nullopt;
}

Size png_size(std::string_view start) {
  if (start.substr(12, 4) != "IHDR") return std::nullopt;
  return PictureSize{big_endian(start.substr(20, 4)), big_endian(start.substr(16, 4))};
}

Size bmp_size(std::string_view start) {
  if (little_endian(start.substr(14, 4)) == 12) {  // the oldest header has 16 bit sizes
    return PictureSize{little_endian(start.substr(20, 2)), little_endian(start.substr(18, 2))};
  }
  // A negative height means rows from the top.
  const std::int64_t height = static_cast<std::int32_t>(little_endian(start.substr(22, 4)));
  return PictureSize{height < 0 ? -height : height, little_endian(start.substr(18, 4))};
}

/// Lossy, lossless and extended WebP.
Size webp_size(std::string_view start) {
  const std::string_view kind = start.substr(12, 4);
  if (kind == "VP8 ") {
    return PictureSize{little_endian(start.substr(28, 2)) & 0x3fff,
                       little_endian(start.substr(26, 2)) & 0x3fff};
  }
  if (kind == "VP8L") {
    const std::uint32_t bits = little_endian(start.substr(21, 4));
    return PictureSize{(bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1};
  }
  if (kind == "VP8X") {
    return PictureSize{little_endian(start.substr(27, 3)) + 1,
                       little_endian(start.substr(24, 3)) + 1};
  }
  return std::nullopt;
}

/// Of the first page.
Size tiff_size(std::string_view file) {
  const TiffNumbers numbers(file);
  const std::size_t directory = numbers.at(4, 4);
  const std::size_t entries = numbers.at(directory, 2);
  PictureSize size;
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const std::uint32_t tag = numbers.at(entry, 2);
    constexpr std::uint32_t kShort = 3;
    const std::uint32_t value = numbers.at(entry + 8, numbers.at(entry + 2, 2) == kShort ? 2 : 4);
    // Of a tag that comes twice, readers differ in which they take.
    if (tag == 256) size.width = std::max<std::int64_t>(size.width, value);
    if (tag == 257) size.height = std::max<std::int64_t>(size.height, value);
  }
  return size;
}

Size size_in_start(std::string_view file) {
  if (file.size() < 30) return std::nullopt;
  if (file.starts_with("\xff\xd8")) return jpeg_size(file);
  if (file.starts_with("\x89PNG\r\n\x1a\n")) return png_size(file);
  if (file.starts_with("BM")) return bmp_size(file);
  if (file.starts_with("RIFF") && file.substr(8, 4) == "WEBP") return webp_size(file);
  if (is_tiff(file)) return tiff_size(file);
  return std::nullopt;
}

}  // namespace

std::optional<PictureSize> size_in_header(std::string_view file) {
  const Size size = size_in_start(file);
  if (!size || size->height < 1 || size->width < 1 || size->height > kMostPixels / size->width) {
    return std::nullopt;
  }
  return size;
}

PictureSize picture_size(const std::filesystem::path& path, bool apply_exif) {
  {
    const core::MappedFile file(path);
    if (const Size size = size_in_header(file.bytes())) {
      const bool swap_sides = apply_exif && orientation_of(file.bytes()) >= 5;
      return swap_sides ? PictureSize{size->width, size->height} : *size;
    }
  }
  const Picture picture = read_picture(path, apply_exif);  // or the Error that says what is wrong
  return {picture.height, picture.width};
}

}  // namespace pcnet::image
