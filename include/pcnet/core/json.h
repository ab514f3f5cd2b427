#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace pcnet::core {

// JSON is parsed and written in json.cpp alone: each other file that does it compiles the parser
// and the serializer anew, for seconds.

/// How a document is written.
struct JsonStyle {
  int indent = -1;     ///< spaces a level; -1: all on one line
  bool ascii = false;  ///< other characters as `\u` escapes
  bool exact = false;  ///< Error for bytes that are no UTF-8, which are else replaced
};

std::string json_text(const nlohmann::json& value, JsonStyle style = {});
std::string json_text(const nlohmann::ordered_json& value, JsonStyle style = {});

/// The text without a byte-order mark of UTF-8; Error for UTF-16 and UTF-32.
std::string_view utf8_text(std::string_view text);

/// The document; Error that says what is broken, where, and what to do about what programs often
/// write wrong (NaN, a single backslash, UTF-16). `Json` is nlohmann's json or ordered_json.
template <class Json>
Json parse_json(std::string_view text);

/// The document, discarded (`is_discarded`, equal to nothing) where the text is no JSON.
template <class Json>
Json try_parse_json(std::string_view text);

/// Whether the text is one JSON value.
bool is_json(std::string_view text);

}  // namespace pcnet::core
