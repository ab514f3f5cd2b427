#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pcnet::data {

/// CRC-32 of zlib.
std::uint32_t checksum_of(std::string_view bytes);

/// "crc32:1a2b3c4d", that checksum as a text, by which a file is known again.
std::string digest_text(std::uint32_t checksum);
std::string digest_of(std::string_view bytes);

}  // namespace pcnet::data
