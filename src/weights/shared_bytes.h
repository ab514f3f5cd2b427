#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace pcnet::weights {

/// Bytes that stay where they are as long as someone holds `owner`.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
  bool mapped = false;  ///< a file's: tensors may lie in them, and resident pages be given back
};

SharedBytes map_file(const std::filesystem::path& path);

/// Bytes in ordinary memory; tensors are copied out of them.
SharedBytes hold_bytes(std::string bytes);

}  // namespace pcnet::weights
