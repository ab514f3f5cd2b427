#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pcnet::weights {

/// Named tensors and string metadata, as one safetensors file holds them.
struct TensorFile {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  ///< in the file's order
  std::map<std::string, std::string> metadata;

  /// The tensor of that name, or null.
  const at::Tensor* find(const std::string& name) const;
};

/// Reads a safetensors file by mapping it (tensors share the mapping, read-only by convention).
/// Error, naming the file and the place, for a torn, oversized, overlapping or ill-typed header.
TensorFile read_safetensors(const std::filesystem::path& path);

/// Writes atomically; tensors of any device, made contiguous on the CPU. F64 F32 F16 BF16 I64 I32
/// I16 I8 U8 BOOL. The same input gives the same bytes.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace pcnet::weights
