#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace pcnet::core {

/// A file's bytes in memory without reading it at once.
class MappedFile {
 public:
  enum class Access {
    kRead,         ///< writing to them ends the program; a file may be larger than the memory
    kPrivateCopy,  ///< what is written to them changes neither the file nor another mapping
  };
  /// Error when the file is missing, no regular file or unreadable.
  explicit MappedFile(const std::filesystem::path& path, Access access = Access::kRead);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  char* data_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace pcnet::core
