#include <fstream>
#include <optional>

#include "pcnet/image/picture.h"

#include "decoders.h"

namespace pcnet::image {

namespace {

using Size = std::optional<PictureSize>;

/// A file read piece by piece; what lies beyond its end is missing, not wrong.
class Header {
 public:
  explicit Header(const std::filesystem::path& path) : in_(path, std::ios::binary) {}
  bool readable() const { return in_.is_open(); }

  /// The bytes at a place; none when the file ends before.
  std::optional<std::string> bytes(std::uint64_t at, std::size_t count) {
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at));
    std::string bytes(count, '\0');
    in_.read(bytes.data(), static_cast<std::streamsize>(count));
    if (!in_) return std::nullopt;
    return bytes;
  }

 private:
  std::ifstream in_;
};

std::uint32_t big(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint32_t little(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

/// The first start-of-frame segment; the others are stepped over by their lengths.
Size jpeg_size(Header& file) {
  constexpr std::size_t kMostSegments = 4096;
  std::uint64_t at = 2;
  for (std::size_t i = 0; i < kMostSegments; ++i) {
    const auto segment = file.bytes(at, 9);
    if (!segment || static_cast<unsigned char>((*segment)[0]) != 0xff) return std::nullopt;
    const int kind = static_cast<unsigned char>((*segment)[1]);
    if (kind == 0xff) {  // fill bytes may precede a segment
      ++at;
      continue;
    }
    const bool tables = kind == 0xc4 || kind == 0xc8 || kind == 0xcc;
    const std::string_view rest(*segment);
    if (kind >= 0xc0 && kind <= 0xcf && !tables) {
      return PictureSize{big(rest.substr(5, 2)), big(rest.substr(7, 2))};
    }
    if (kind == 0xd9 || kind == 0xda) return std::nullopt;
    at += 2 + big(rest.substr(2, 2));
  }
  return std::nullopt;
}

Size png_size(std::string_view start) {
  if (start.substr(12, 4) != "IHDR") return std::nullopt;
  return PictureSize{big(start.substr(20, 4)), big(start.substr(16, 4))};
}

Size bmp_size(std::string_view start) {
  if (little(start.substr(14, 4)) == 12) {  // the oldest header has 16 bit sizes
    return PictureSize{little(start.substr(20, 2)), little(start.substr(18, 2))};
  }
  // A negative height means rows from the top.
  const std::int64_t height = static_cast<std::int32_t>(little(start.substr(22, 4)));
  return PictureSize{height < 0 ? -height : height, little(start.substr(18, 4))};
}

/// Lossy, lossless and extended WebP.
Size webp_size(std::string_view start) {
  const std::string_view kind = start.substr(12, 4);
  if (kind == "VP8 ") {
    return PictureSize{little(start.substr(28, 2)) & 0x3fff, little(start.substr(26, 2)) & 0x3fff};
  }
  if (kind == "VP8L") {
    const std::uint32_t bits = little(start.substr(21, 4));
    return PictureSize{(bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1};
  }
  if (kind == "VP8X") {
    return PictureSize{little(start.substr(27, 3)) + 1, little(start.substr(24, 3)) + 1};
  }
  return std::nullopt;
}

Size size_from_header(Header& file) {
  const auto start = file.bytes(0, 30);
  if (!start) return std::nullopt;
  const std::string_view text(*start);
  if (text.starts_with("\xff\xd8")) return jpeg_size(file);
  if (text.starts_with("\x89PNG\r\n\x1a\n")) return png_size(text);
  if (text.starts_with("BM")) return bmp_size(text);
  if (text.starts_with("RIFF") && text.substr(8, 4) == "WEBP") return webp_size(text);
  return std::nullopt;
}

}  // namespace

PictureSize picture_size(const std::filesystem::path& path) {
  {
    Header file(path);
    const Size size = file.readable() ? size_from_header(file) : std::nullopt;
    if (size && size->height > 0 && size->width > 0 && size->height <= kMostPixels / size->width) {
      return *size;
    }
  }
  const Picture picture = read_picture(path);  // other kinds; or the Error that says what is wrong
  return {picture.height, picture.width};
}

}  // namespace pcnet::image
