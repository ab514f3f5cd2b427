#include "json_fields.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"

#include "json_lines.h"
#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
using nlohmann::json;

namespace {

[[noreturn]] void wrong_type(const char* key, const char* wanted) {
  throw EntryFault("wrong type", cat("\"", key, "\" is not ", wanted));
}

/// A number from 0 that fits a run length.
std::uint32_t run_length(const json& value) {
  if (!value.is_number_integer() || value < 0 || value > UINT32_MAX) {
    throw EntryFault("broken mask", cat("a run of its mask is ", shown(value),
                                        ", wanted a whole number from 0 below 2^32"));
  }
  return value.get<std::uint32_t>();
}

}  // namespace

json parse_entry(std::string_view text) {
  json entry;
  try {
    entry = json::parse(text);
  } catch (const json::exception&) {
    throw EntryFault("broken entry", "broken JSON");
  }
  if (!entry.is_object()) throw EntryFault("broken entry", "wanted an object {...}");
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
  wrong_type(key, "a whole number");
}

const std::string& text_field(const json& entry, const char* key) {
  const json& value = field(entry, key);
  if (!value.is_string()) wrong_type(key, "a text");
  return value.get_ref<const std::string&>();
}

std::array<double, 4> box_field(const json& entry, const char* key) {
  const json& value = field(entry, key);
  if (!value.is_array() || value.size() != 4) wrong_type(key, "a box [x, y, width, height]");
  std::array<double, 4> box{};
  for (std::size_t i = 0; i < box.size(); ++i) {
    if (!value[i].is_number()) wrong_type(key, "a box of four numbers");
    box[i] = value[i].get<double>();
  }
  return box;
}

std::vector<std::vector<double>> read_polygons(const json& value) {
  std::vector<std::vector<double>> polygons;
  polygons.reserve(value.size());
  for (const auto& item : value) {
    if (!item.is_array()) throw EntryFault("broken mask", "a polygon is not a list of numbers");
    auto& polygon = polygons.emplace_back();
    polygon.reserve(item.size());
    for (const auto& number : item) {
      if (!number.is_number()) {
        throw EntryFault("broken mask", "a polygon holds something that is no number");
      }
      polygon.push_back(number.get<double>());
    }
  }
  return polygons;
}

image::Rle read_rle(const json& value) {
  const json& size = field(value, "size");
  if (!size.is_array() || size.size() != 2 || !size[0].is_number_integer() ||
      !size[1].is_number_integer()) {
    throw EntryFault("broken mask", "its mask's \"size\" is not [height, width]");
  }
  image::Rle rle{size[0].get<std::int64_t>(), size[1].get<std::int64_t>(), {}};
  const json& counts = field(value, "counts");
  if (counts.is_string()) {
    try {
      return image::from_coco_string(counts.get_ref<const std::string&>(), rle.height, rle.width);
    } catch (const core::Error& fault) {
      throw EntryFault("broken mask", fault.what());
    }
  }
  if (!counts.is_array()) {
    throw EntryFault("broken mask", "its mask's \"counts\" is neither a text nor a list");
  }
  rle.counts.reserve(counts.size());
  for (const auto& run : counts) rle.counts.push_back(run_length(run));
  if (rle.counts.empty()) throw EntryFault("broken mask", "its mask has no runs");
  return rle;
}

}  // namespace pcnet::data
