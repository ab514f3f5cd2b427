#include "pcnet/data/annotations/digest.h"

#include <iomanip>

#include "pcnet/core/format.h"

#include "data/pack/pack_stream.h"

namespace pcnet::data {

std::string digest_text(std::uint32_t checksum) {
  return core::cat("crc32:", std::hex, std::setfill('0'), std::setw(8), checksum);
}

std::string digest_of(std::string_view bytes) { return digest_text(checksum_of(bytes)); }

}  // namespace pcnet::data
