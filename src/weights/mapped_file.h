#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace pcnet::weights {

/// A file's bytes in memory without reading it at once. Private: what is written to them changes
/// neither the file nor another mapping.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  char* data_ = nullptr;
  std::uint64_t size_ = 0;
};

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
