#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pcnet::core {

/// RFC 4648's base64, padded.
std::string to_base64(std::string_view bytes);

/// The bytes; nothing for a text that is not exactly what to_base64 writes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace pcnet::core
