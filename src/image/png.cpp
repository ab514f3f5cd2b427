#include <algorithm>
#include <string>
#include <string_view>

#include <zlib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/picture.h"

namespace pcnet::image {

namespace {

constexpr std::size_t kLargestBlock = 65535;  // of a stored deflate block

const Bytef* bytes_of(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

void append_u32(std::string& out, std::uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

void append_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_u32(out, data.size());
  out += type;
  out += data;
  const uLong crc = crc32_z(0, bytes_of(type), type.size());
  append_u32(out, crc32_z(crc, bytes_of(data), data.size()));
}

/// A zlib stream that stores `data` as it is.
std::string stored_stream(std::string_view data) {
  std::string out = "\x78\x01";
  out.reserve(data.size() + data.size() / kLargestBlock * 5 + 16);
  std::size_t at = 0;
  do {
    const std::size_t length = std::min(kLargestBlock, data.size() - at);
    out.push_back(at + length == data.size() ? 1 : 0);
    for (const std::size_t number : {length, ~length}) {
      out.push_back(static_cast<char>(number & 0xff));
      out.push_back(static_cast<char>((number >> 8) & 0xff));
    }
    out += data.substr(at, length);
    at += length;
  } while (at < data.size());
  append_u32(out, adler32_z(1, bytes_of(data), data.size()));
  return out;
}

}  // namespace

std::string encode_png_stored(const Picture& picture) {
  constexpr std::int64_t kLargestSide = 65535;
  if (picture.height < 1 || picture.width < 1 || picture.height > kLargestSide ||
      picture.width > kLargestSide) {
    throw core::Error(core::cat("an image of height ", picture.height, " and width ", picture.width,
                                " cannot be written as PNG: wanted sides of 1 to ", kLargestSide));
  }
  std::string header;
  append_u32(header, static_cast<std::uint64_t>(picture.width));
  append_u32(header, static_cast<std::uint64_t>(picture.height));
  header += std::string_view("\x08\x02\x00\x00\x00", 5);  // 8 bit, RGB, not interlaced

  const auto row_bytes = static_cast<std::size_t>(picture.width) * 3;
  std::string rows;
  rows.reserve((row_bytes + 1) * static_cast<std::size_t>(picture.height));
  for (std::int64_t y = 0; y < picture.height; ++y) {
    rows.push_back(0);  // filter "none"
    rows.append(reinterpret_cast<const char*>(picture.pixel(y, 0)), row_bytes);
  }
  std::string out = "\x89PNG\r\n\x1a\n";
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", stored_stream(rows));
  append_chunk(out, "IEND", "");
  return out;
}

}  // namespace pcnet::image
