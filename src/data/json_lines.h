#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

/// Calls `read(line, place in the text, line number from 1)` for each line that is not empty; a
/// fault names the file and the line.
template <class Read>
void for_each_line(std::string_view text, std::string_view name, Read read) {
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    try {
      if (!line.empty()) read(line, at, number);
    } catch (const std::exception& fault) {
      throw core::Error(core::cat(name, ":", number, ": ", fault.what()));
    }
    at = end + 1;
  }
}

/// A value in a message, shortened. A list or object is only named: writing it would follow it as
/// deep as it goes.
inline std::string shown(const nlohmann::json& value) {
  return value.is_structured() ? std::string(value.type_name()) : value.dump().substr(0, 60);
}

/// A whole number; Error that names it otherwise.
inline std::int64_t whole_number(const nlohmann::json& value, std::string_view what) {
  const bool too_large =
      value.is_number_unsigned() && !std::in_range<std::int64_t>(value.get<std::uint64_t>());
  if (!value.is_number_integer() || too_large) {
    throw core::Error(core::cat(what, " is ", shown(value), ", wanted a whole number"));
  }
  return value.get<std::int64_t>();
}

}  // namespace pcnet::data
