#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pcnet::core {

/// A file of lines that grows, by one process at a time: each line is on its way to the disk as
/// soon as it is appended, so that a kill loses none. One that stays empty is removed again. Every
/// fault (unwritable folder, full disk) is an Error that names the file and the cause.
class LineFile {
 public:
  /// Opens what is there, or an empty file; links are followed. Error when another process has it
  /// open, and where a pipe or a device is.
  explicit LineFile(const std::filesystem::path& path);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The lines that it held when it was opened; a last one that is torn is left out, and cut off
  /// when the next is appended.
  std::string read() const;
  /// @param line without its end
  void append(std::string_view line);
  /// Waits until all lines are on the disk.
  void sync();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool torn_ = false;  // the end may be: cut it before appending
};

}  // namespace pcnet::core
