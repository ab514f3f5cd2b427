#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::core {

/// The whole file. Error when it is missing, a directory or unreadable.
std::string read_file(const std::filesystem::path& path);

/// A file that appears under its name only when it is whole: written to a temporary name in the
/// same folder, synced, renamed. Without `commit` the destructor removes the temporary file.
/// Every fault (unwritable folder, full disk) is an Error that names the file and the cause.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Syncs and renames; the file is then whole on disk.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Waits until the names of a folder's files are on the disk: after a rename. Empty: this folder.
void sync_folder(const std::filesystem::path& folder);

/// Removes the temporary files in `folder` whose process was killed before it could.
void remove_abandoned_files(const std::filesystem::path& folder);

/// `bytes` as a whole file, atomically.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// `bytes` as a file, neither synced nor renamed: for files inside a folder that is itself renamed
/// into place when all is written.
void write_file_plain(const std::filesystem::path& path, std::string_view bytes);

/// Creates the folder and its parents; Error when it cannot be created or written into.
void ensure_writable_folder(const std::filesystem::path& folder);

/// Free bytes for this user on the disk that holds `path` (or its nearest existing parent).
std::uint64_t free_bytes(const std::filesystem::path& path);

/// Error unless `needed` bytes are free where `path` is.
void require_free_bytes(const std::filesystem::path& path, std::uint64_t needed);

/// An exclusive lock on a file, held until destruction or the end of the process.
/// Error("... is in use by process N") when another process holds it.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace pcnet::core
