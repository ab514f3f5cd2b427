#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

namespace pcnet::data {

/// Calls `read(line, place in the text, line number from 1)` for each line that is not empty; a
/// fault names the file and the line.
template <class Read>
void for_each_line(std::string_view text, std::string_view name, Read read) {
  std::size_t number = 1;
  std::size_t at = 0;
  try {
    at = text.size() - core::utf8_text(text).size();
  } catch (const core::Error& error) {
    throw core::Error(core::cat(name, ": ", error.what()));
  }
  for (; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    try {
      if (!line.empty()) read(line, at, number);
    } catch (const std::exception& error) {
      throw core::Error(core::cat(name, ":", number, ": ", error.what()));
    }
    at = end + 1;
  }
}

/// A value in a message, shortened. A list or object is only named: writing it would follow it as
/// deep as it goes.
std::string shown(const nlohmann::json& value);

/// A member of an object; Error when it is none or has no such member.
const nlohmann::json& member(const nlohmann::json& entry, const char* key);

/// A whole number; Error that names it otherwise.
std::int64_t whole_number(const nlohmann::json& value, std::string_view what);

/// A list of texts. @param what is in it: "cue"
std::vector<std::string> list_of_texts(const nlohmann::json& value, std::string_view what);

}  // namespace pcnet::data
