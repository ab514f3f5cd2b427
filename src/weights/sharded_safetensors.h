#pragma once

#include <filesystem>
#include <string_view>

#include "pcnet/weights/safetensors.h"

namespace pcnet::weights {

/// Reads the shards that a `.safetensors.index.json` names beside it. Error when one is missing or
/// outside of the folder, or when index and shards do not name the same tensors.
/// @param index the bytes of the file at `path`
TensorFile read_shards(std::string_view index, const std::filesystem::path& path);

}  // namespace pcnet::weights
