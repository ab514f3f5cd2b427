#include "pcnet/data/annotations/digest.h"

#include <iomanip>

#include <zlib.h>

#include "pcnet/core/format.h"

namespace pcnet::data {

std::uint32_t checksum_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string digest_text(std::uint32_t checksum) {
  return core::cat("crc32:", std::hex, std::setfill('0'), std::setw(8), checksum);
}

std::string digest_of(std::string_view bytes) { return digest_text(checksum_of(bytes)); }

}  // namespace pcnet::data
