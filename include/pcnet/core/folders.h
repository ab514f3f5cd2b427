#pragma once

#include <filesystem>
#include <system_error>
#include <vector>

namespace pcnet::core {

/// What a user keeps in a folder, by name: without hidden files and folders (`.DS_Store`,
/// `._weights.safetensors`) and the backups of editors (`cues.json~`, `#cues.json#`). Error when
/// the folder cannot be read; with `code` nothing is listed then.
std::vector<std::filesystem::directory_entry> list_folder(const std::filesystem::path& folder);
std::vector<std::filesystem::directory_entry> list_folder(const std::filesystem::path& folder,
                                                          std::error_code& code);

/// The name of a folder to write: absolute, its links followed, without a slash at the end.
/// UsageError when it is empty.
std::filesystem::path folder_target(const std::filesystem::path& folder);

/// A folder that appears under its name only when it is whole: filled under a temporary name beside
/// it, synced once and renamed by `commit`, with the mode of the empty folder that it replaces.
/// Without `commit` the destructor removes it with all that is in it.
class AtomicFolder {
 public:
  /// Error when folder_target(`target`) exists and is no folder, holds something already, or cannot
  /// be replaced.
  explicit AtomicFolder(const std::filesystem::path& target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where to write until it is whole.
  const std::filesystem::path& path() const { return path_; }
  /// The name it will have.
  const std::filesystem::path& target() const { return target_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
};

}  // namespace pcnet::core
