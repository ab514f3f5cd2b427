#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "pcnet/image/rle.h"

namespace pcnet::data {

/// Target-related cues by sent_id: lines {"sent_id", "cues": [...]}.
using Cues = std::unordered_map<std::int64_t, std::vector<std::string>>;
/// Captions by image_id: lines {"image_id", "captions": [...]}.
using Captions = std::unordered_map<std::int64_t, std::vector<std::string>>;
/// Mask proposals by image_id: lines {"image_id", "proposals": [{"segmentation": {size, counts}}]}.
using Proposals = std::unordered_map<std::int64_t, std::vector<image::Rle>>;

/// Error with file and line for broken JSON, a missing key, a wrong type or a duplicate id.
Cues read_cues(const std::filesystem::path& path);
Captions read_captions(const std::filesystem::path& path);
Proposals read_proposals(const std::filesystem::path& path);

}  // namespace pcnet::data
