#include "json_lines.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

std::string shown(const json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return core::json_text(value).substr(0, 60);
}

const json& member(const json& entry, const char* key) {
  if (!entry.is_object()) throw Error(cat("got ", shown(entry), ", wanted an object {...}"));
  const auto found = entry.find(key);
  if (found == entry.end()) throw Error(cat("no \"", key, "\""));
  return *found;
}

std::int64_t whole_number(const json& value, std::string_view what) {
  const bool too_large =
      value.is_number_unsigned() && !std::in_range<std::int64_t>(value.get<std::uint64_t>());
  if (!value.is_number_integer() || too_large) {
    throw Error(cat(what, " is ", shown(value), ", wanted a whole number"));
  }
  return value.get<std::int64_t>();
}

std::vector<std::string> list_of_texts(const json& value, std::string_view what) {
  if (!value.is_array()) throw Error(cat("its ", what, "s are ", shown(value), ", wanted a list"));
  for (const auto& text : value) {
    if (!text.is_string()) throw Error(cat("a ", what, " is ", shown(text), ", wanted a text"));
  }
  return value.get<std::vector<std::string>>();
}

}  // namespace pcnet::data
