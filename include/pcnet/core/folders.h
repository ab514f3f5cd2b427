#pragma once

#include <filesystem>

namespace pcnet::core {

/// A folder that appears under its name only when it is whole: filled under a temporary name beside
/// it, renamed by `commit`. Without `commit` the destructor removes it with all that is in it.
class AtomicFolder {
 public:
  /// Error when `target` exists and is no folder, or holds something already.
  explicit AtomicFolder(const std::filesystem::path& target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where to write until it is whole.
  const std::filesystem::path& path() const { return path_; }
  /// The name it will have: absolute, without a slash at the end.
  const std::filesystem::path& target() const { return target_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
};

}  // namespace pcnet::core
