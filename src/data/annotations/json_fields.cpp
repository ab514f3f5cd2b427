#include "json_fields.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"

#include "json_lines.h"
#include "json_masks.h"
#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
using nlohmann::json;

namespace {

[[noreturn]] void wrong_type(const char* key, const json& got, const char* wanted) {
  throw EntryFault("wrong type", cat("\"", key, "\" is ", shown(got), ", wanted ", wanted));
}

/// A mask that is broken is a fault of its entry.
image::Rle rle_of(const json& value) {
  try {
    return read_rle(value);
  } catch (const core::Error& error) {
    throw EntryFault("broken mask", error.what());
  }
}

/// Python writes NaN and Infinity, which are no JSON. As texts they are faults of their fields
/// alone.
std::string without_bare_nan(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      out += text.substr(i, 2);
      ++i;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    const std::string_view rest = text.substr(i);
    const auto starts = [&](std::string_view word) { return !quoted && rest.starts_with(word); };
    const std::size_t word = starts("NaN")         ? 3
                             : starts("Infinity")  ? 8
                             : starts("-Infinity") ? 9
                                                   : 0;
    if (word == 0) {
      out += text[i];
      continue;
    }
    out += cat("\"", rest.substr(0, word), "\"");
    i += word - 1;
  }
  return out;
}

}  // namespace

json parse_entry(std::string_view text) {
  json entry;
  try {
    const bool bare = text.find("NaN") != std::string_view::npos ||
                      text.find("Infinity") != std::string_view::npos;
    entry = bare ? core::parse_json<json>(without_bare_nan(text)) : core::parse_json<json>(text);
  } catch (const core::Error& error) {
    throw EntryFault("broken entry", error.what());
  }
  if (!entry.is_object()) {
    throw EntryFault("broken entry", cat("it is ", shown(entry), ", wanted an object {...}"));
  }
  return entry;
}

const json& field(const json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end()) throw EntryFault("missing field", cat("no \"", key, "\""));
  return *found;
}

std::int64_t whole_field(const json& entry, const char* key) {
  const json& value = field(entry, key);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= INT64_MAX) {
    return value.get<std::int64_t>();
  }
  if (value.is_number_integer() && !value.is_number_unsigned()) return value.get<std::int64_t>();
  constexpr double kExact = 9007199254740992.0;  // up to here a double holds every whole number
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (std::abs(number) <= kExact && std::floor(number) == number) {
      return static_cast<std::int64_t>(number);
    }
  }
  wrong_type(key, value, "a whole number");
}

const std::string& text_field(const json& entry, const char* key) {
  const json& value = field(entry, key);
  if (!value.is_string()) wrong_type(key, value, "a text");
  return value.get_ref<const std::string&>();
}

std::string path_field(const json& entry, const char* key) {
  std::string path = text_field(entry, key);
  std::replace(path.begin(), path.end(), '\\', '/');
  return path;
}

std::array<double, 4> box_field(const json& entry, const char* key) {
  const json& value = field(entry, key);
  if (!value.is_array() || value.size() != 4) wrong_type(key, value, "[x, y, width, height]");
  std::array<double, 4> box{};
  for (std::size_t i = 0; i < box.size(); ++i) {
    if (!value[i].is_number()) wrong_type(key, value[i], "four numbers");
    box[i] = value[i].get<double>();
  }
  return box;
}

std::vector<std::vector<double>> read_polygons(const json& value) {
  std::vector<std::vector<double>> polygons;
  polygons.reserve(value.size());
  for (const auto& item : value) {
    if (!item.is_array()) {
      throw EntryFault("broken mask", cat("a polygon is ", shown(item),
                                          ", wanted a list of numbers "
                                          "[x, y, x, y, ...]"));
    }
    auto& polygon = polygons.emplace_back();
    polygon.reserve(item.size());
    for (const auto& number : item) {
      if (!number.is_number()) {
        throw EntryFault("broken mask", cat("a polygon holds ", shown(number), ", wanted numbers"));
      }
      polygon.push_back(number.get<double>());
    }
  }
  return polygons;
}

std::vector<image::Rle> read_rles(const json& value) {
  if (!value.is_array()) return {rle_of(value)};
  std::vector<image::Rle> rles;
  for (const auto& item : value) rles.push_back(rle_of(item));
  return rles;
}

void read_segmentation(const json& value, Annotation& annotation) {
  if (!value.is_array() && !value.is_object()) {
    throw EntryFault("broken mask",
                     cat("its segmentation is ", shown(value), ", wanted polygons or an RLE"));
  }
  const auto is_rle = [](const json& item) { return item.is_object(); };
  const auto rles = value.is_array() ? std::count_if(value.begin(), value.end(), is_rle) : 1;
  if (rles == 0) {
    annotation.polygons = read_polygons(value);
  } else if (value.is_array() && rles != static_cast<std::ptrdiff_t>(value.size())) {
    throw EntryFault("broken mask", "its segmentation mixes polygons and RLEs, wanted one kind");
  } else {
    annotation.rles = read_rles(value);
  }
}

}  // namespace pcnet::data
