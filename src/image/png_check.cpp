#include <zlib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "byte_order.h"
#include "decoders.h"

namespace pcnet::image {

namespace {

using core::cat;
using core::Error;

constexpr std::size_t kSignature = 8;
constexpr std::size_t kChunkFrame = 12;  // length, type and checksum

bool changes_pixels(std::string_view type) {
  return type == "IHDR" || type == "PLTE" || type == "tRNS" || type == "IDAT" || type == "IEND";
}

/// The whole chunk at the front of `rest`, checked; `at` is its place in the file.
std::string_view chunk_at(std::string_view bytes, std::size_t at) {
  const std::string_view rest = bytes.substr(at);
  const std::size_t length = rest.size() < kChunkFrame ? 0 : big_endian(rest.substr(0, 4));
  if (rest.size() < kChunkFrame || length > rest.size() - kChunkFrame) {
    throw Error(cat("the PNG is cut short: its ", bytes.size(),
                    " bytes end inside the chunk that starts at byte ", at));
  }
  const std::string_view checked = rest.substr(4, length + 4);
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
  if (crc != big_endian(rest.substr(length + 8, 4))) {
    throw Error(cat("the PNG is damaged: wrong checksum of the chunk at byte ", at));
  }
  return rest.substr(0, length + kChunkFrame);
}

}  // namespace

std::string checked_png(std::string_view bytes) {
  std::string kept(bytes.substr(0, kSignature));
  for (std::size_t at = kSignature;;) {
    const std::string_view chunk = chunk_at(bytes, at);
    const std::string_view type = chunk.substr(4, 4);
    if (at == kSignature) {
      if (type != "IHDR" || chunk.size() != 13 + kChunkFrame) {
        throw Error("the PNG is damaged: it does not start with a header chunk");
      }
      const auto pixels =
          std::uint64_t{big_endian(chunk.substr(8, 4))} * big_endian(chunk.substr(12, 4));
      if (pixels == 0 || pixels > static_cast<std::uint64_t>(kMostPixels)) {
        throw Error(cat("the PNG has ", pixels, " pixels, wanted 1 to ", kMostPixels));
      }
    }
    if (changes_pixels(type)) kept += chunk;
    if (type == "IEND") return kept;
    at += chunk.size();
  }
}

}  // namespace pcnet::image
