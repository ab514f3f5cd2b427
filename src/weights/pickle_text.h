#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pcnet::weights {

/// The bytes if they are UTF-8 already, else each byte as one Latin-1 letter, written in UTF-8.
std::string text_from_bytes(std::string_view bytes);

bool is_utf8(std::string_view bytes);

/// The bytes of a quoted Python string literal ('it\'s', "a\x41"); none when it is malformed.
std::optional<std::string> unquote(std::string_view literal);

/// Python's raw-unicode-escape (Latin-1 with \uXXXX and \UXXXXXXXX) as UTF-8; none when malformed.
std::optional<std::string> from_raw_unicode_escape(std::string_view text);

}  // namespace pcnet::weights
