#pragma once

#include <filesystem>

#include <ATen/core/Tensor.h>

namespace pcnet::weights {

/// Writes a tensor as a NumPy `.npy` file (version 1.0, little-endian, C order), atomically.
/// float32, float64, int64, uint8 and bool.
void write_npy(const std::filesystem::path& path, const at::Tensor& tensor);

/// Reads a `.npy` file of those types, versions 1 and 2, C order. Error for anything else.
at::Tensor read_npy(const std::filesystem::path& path);

}  // namespace pcnet::weights
