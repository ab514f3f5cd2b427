#pragma once

#include <cstdint>
#include <string_view>

namespace pcnet::core {

/// The CRC-32C (Castagnoli) check sum of these bytes, as in iSCSI (RFC 3720, B.4).
std::uint32_t crc32c(std::string_view bytes);

}  // namespace pcnet::core
