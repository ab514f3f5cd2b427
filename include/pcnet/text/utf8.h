#pragma once

#include <string>
#include <string_view>

namespace pcnet::text {

/// The bytes as valid UTF-8: what is none becomes U+FFFD, as in Python's errors="replace".
std::string valid_utf8(std::string_view bytes);

}  // namespace pcnet::text
