#include "support/png_bytes.h"

#include <string_view>

#include <zlib.h>

namespace pcnet::support {

namespace {

constexpr std::size_t kHeaderEnd = 8 + 12 + 13;

std::string number(std::uint64_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xff));
  }
  return bytes;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const auto* bytes = reinterpret_cast<const Bytef*>(checked.data());
  return number(data.size()) + checked + number(crc32_z(0, bytes, checked.size()));
}

std::string compressed(const std::string& data) {
  uLongf size = compressBound(data.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(data.data()),
           data.size());
  return out.substr(0, size);
}

}  // namespace

std::string png_bytes(const PngParts& parts) {
  const auto height = static_cast<std::size_t>(parts.height);
  const std::size_t row_bytes = parts.rows.size() / height;
  std::string filtered;
  for (std::size_t y = 0; y < height; ++y) {
    filtered += '\0' + parts.rows.substr(y * row_bytes, row_bytes);
  }
  std::string header = number(static_cast<std::uint64_t>(parts.width)) + number(height);
  for (const int byte : {parts.bits, parts.colour_type, 0, 0, 0}) {
    header.push_back(static_cast<char>(byte));
  }
  std::string png = "\x89PNG\r\n\x1a\n" + chunk("IHDR", header);
  if (!parts.palette.empty()) png += chunk("PLTE", parts.palette);
  if (!parts.transparency.empty()) png += chunk("tRNS", parts.transparency);
  return png + chunk("IDAT", compressed(filtered)) + chunk("IEND", "");
}

std::string with_orientation(const std::string& png, int orientation) {
  // A TIFF directory of one entry: tag 0x0112, one short number.
  std::string exif("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", 26);
  exif[19] = static_cast<char>(orientation);
  return png.substr(0, kHeaderEnd) + chunk("eXIf", exif) + png.substr(kHeaderEnd);
}

}  // namespace pcnet::support
