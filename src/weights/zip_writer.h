#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/core/files.h"

namespace pcnet::weights {

/// Writes a zip archive front to back, nothing packed, each member's bytes at a multiple of 64.
class ZipWriter {
 public:
  explicit ZipWriter(core::AtomicFile& file) : file_(file) {}

  /// Starts a member of so many bytes, which `append` must then bring.
  void start(const std::string& name, std::uint64_t size);
  void append(std::string_view bytes);
  void add(const std::string& name, std::string_view bytes);
  /// Writes the directory; nothing may follow.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t header = 0;
    std::uint64_t size = 0;
    std::uint32_t checksum = 0;
  };
  void put(const std::string& bytes);
  void end_member();
  static std::string directory_entry(const Entry& entry);

  core::AtomicFile& file_;
  std::uint64_t at_ = 0;
  std::uint64_t appended_ = 0;
  bool open_ = false;
  std::vector<Entry> entries_;
};

}  // namespace pcnet::weights
