#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/data/refer_index.h"

namespace pcnet::data {

// Readers of one value of a JSON entry. What is missing or has the wrong type is an EntryFault
// that names the key.

/// The entry itself; EntryFault with the byte when the text is broken JSON or no object.
nlohmann::json parse_entry(std::string_view text);

const nlohmann::json& field(const nlohmann::json& entry, const char* key);
/// A whole number, also one written with a point and zeros.
std::int64_t whole_field(const nlohmann::json& entry, const char* key);
const std::string& text_field(const nlohmann::json& entry, const char* key);
/// Four numbers.
std::array<double, 4> box_field(const nlohmann::json& entry, const char* key);

/// Polygons [[x, y, ...], ...].
std::vector<std::vector<double>> read_polygons(const nlohmann::json& value);
/// {"size": [h, w], "counts": COCO's string or a list}; its runs are not checked when a list.
image::Rle read_rle(const nlohmann::json& value);

}  // namespace pcnet::data
