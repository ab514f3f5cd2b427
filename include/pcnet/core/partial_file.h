#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace pcnet::core {

/// A large file that may take several runs to write. It is `<path>.partial` until `commit` renames
/// it, and stays there when the process ends before. One process at a time may write it. Every
/// fault (unwritable folder, full disk) is an Error that names the file and the cause.
class PartialFile {
 public:
  /// Opens what an earlier run left, or an empty file; links are followed. Error when another
  /// process writes it, and where a pipe or a device is.
  explicit PartialFile(const std::filesystem::path& path);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::filesystem::path& partial() const { return partial_; }
  std::uint64_t size() const;
  /// The bytes at `offset`, fewer where the file ends. Reads and writes may come from several
  /// threads.
  std::string read(std::uint64_t offset, std::size_t bytes) const;
  void write(std::uint64_t offset, std::string_view bytes);
  /// Cuts the file off, or lengthens it with zeros that take no room yet.
  void resize(std::uint64_t bytes);
  /// Waits until all that was written is on the disk.
  void sync();
  /// Syncs and renames: the file is whole under its own name.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
};

}  // namespace pcnet::core
