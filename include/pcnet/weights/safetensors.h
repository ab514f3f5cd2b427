#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

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

/// How tensors are written.
struct WriteOptions {
  /// What floating-point numbers become, Error when a finite one is too large for it; Undefined:
  /// they keep their type.
  c10::ScalarType floats = c10::ScalarType::Undefined;
  /// Called with the bytes of tensors written so far.
  std::function<void(std::uint64_t)> progress;
};

/// The bytes that a tensor takes in a file with these `floats`.
std::uint64_t written_bytes(const at::Tensor& tensor, c10::ScalarType floats);

/// Writes a core::AtomicFile; tensors of any device, made contiguous on the CPU. F64 F32 F16 BF16
/// I64 I32 I16 I8 U8 BOOL. The same input gives the same bytes.
/// @return bytes of the file
std::uint64_t write_safetensors(const std::filesystem::path& path, const TensorFile& file,
                                const WriteOptions& options = {});

}  // namespace pcnet::weights
