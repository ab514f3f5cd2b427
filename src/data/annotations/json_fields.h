#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/data/annotations/refer_index.h"

namespace pcnet::data {

// Readers of one value of a JSON entry. What is missing or has the wrong type is an EntryFault
// that names the key.

/// The entry itself, in which NaN and Infinity, which Python writes, are texts; EntryFault that
/// says what and where when the text is broken JSON or no object.
nlohmann::json parse_entry(std::string_view text);

const nlohmann::json& field(const nlohmann::json& entry, const char* key);
/// A whole number, also one written with a point and zeros.
std::int64_t whole_field(const nlohmann::json& entry, const char* key);
const std::string& text_field(const nlohmann::json& entry, const char* key);
/// A file's name; the backslashes of a Windows path as slashes.
std::string path_field(const nlohmann::json& entry, const char* key);
/// Four numbers.
std::array<double, 4> box_field(const nlohmann::json& entry, const char* key);

/// Polygons [[x, y, ...], ...].
std::vector<std::vector<double>> read_polygons(const nlohmann::json& value);
/// A run-length encoding (read_rle), or a list of such.
std::vector<image::Rle> read_rles(const nlohmann::json& value);
/// COCO's and REFER's `segmentation`: polygons, an RLE or a list of RLEs; an empty list is no mask.
void read_segmentation(const nlohmann::json& value, Annotation& annotation);

}  // namespace pcnet::data
