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

/// The whole file, or all that a pipe gives. Error when it is missing, a directory or unreadable,
/// Interrupted when a signal comes while a pipe is waited for.
std::string read_file(const std::filesystem::path& path);

/// Whether a file that is renamed into place waits for the disk: at once, so that it outlasts a
/// power failure, or not, where many are written that can be made again; sync_disk then waits for
/// all.
enum class Sync { kNow, kLater };

/// A file that appears under its name only when it is whole: written to a temporary name in the
/// same folder, synced, renamed. Links at the path are followed, and a file that is there hands on
/// its mode. Without `commit` the destructor removes the temporary file. A pipe, a device or an
/// open stream (`/dev/stdout`) is written straight into. Every fault (unwritable folder,
/// write-protected file, full disk) is an Error that names the file and the cause; what can be
/// known is told by the constructor, before any work.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// True when what is written goes straight into a pipe, a device or an open stream.
  bool is_stream() const { return temporary_.empty(); }
  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Bytes written so far.
  std::uint64_t bytes() const { return bytes_; }
  /// Renames; with Sync::kNow the file is then whole on disk.
  void commit(Sync sync = Sync::kNow);

 private:
  std::string name_;  // for messages
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty: a stream
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

/// Waits until the names of a folder's files are on the disk: after a rename. Empty: this folder.
void sync_folder(const std::filesystem::path& folder);

/// Waits until all that was written to the disk that holds `folder` is there. Error when the disk
/// could not take it.
void sync_disk(const std::filesystem::path& folder);

/// Removes the temporary files in `folder` whose process was killed before it could.
void remove_abandoned_files(const std::filesystem::path& folder);

/// `bytes` as an AtomicFile.
void write_file(const std::filesystem::path& path, std::string_view bytes, Sync sync = Sync::kNow);

/// `bytes` as a file, neither synced nor renamed: for files inside a folder that is itself renamed
/// into place when all is written.
void write_file_plain(const std::filesystem::path& path, std::string_view bytes);

/// Creates the folder, also where a link leads, and its parents; Error when it cannot be created or
/// written into.
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
