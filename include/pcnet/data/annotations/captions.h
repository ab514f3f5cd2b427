#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace pcnet::data {

/// Captions by image_id.
using Captions = std::unordered_map<std::int64_t, std::vector<std::string>>;

/// Reads lines {"image_id", "captions": [...]}. Error with file and line for broken JSON, a missing
/// key, a wrong type or a duplicate id.
Captions read_captions(const std::filesystem::path& path);

}  // namespace pcnet::data
