#pragma once

#include <filesystem>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace pcnet::weights {

/// Writes a tensor as a NumPy `.npy` file (version 1.0, little-endian, C order), a
/// core::AtomicFile. float32, float64, int64, uint8 and bool. Not synced: whoever writes many calls
/// core::sync_disk after the last.
void write_npy(const std::filesystem::path& path, const at::Tensor& tensor);

/// Reads a `.npy` file of those types, versions 1 and 2, in C or Fortran order. Error for anything
/// else.
at::Tensor read_npy(const std::filesystem::path& path);
/// The same from a file's bytes; `name` names it in errors.
at::Tensor parse_npy(std::string_view bytes, std::string_view name);

}  // namespace pcnet::weights
