#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "pcnet/core/files.h"

namespace pcnet::engine {

/// A run's folder (docs/cli.md#run-folder): config.yaml, log.jsonl, checkpoints/, results.json,
/// samples/. Locked while it is open, so that two processes never train into one folder. What a
/// killed process left half-written is removed.
class RunFolder {
 public:
  /// Creates the folder when it is not there. Error when another process uses it or it cannot be
  /// written into.
  explicit RunFolder(std::filesystem::path folder);
  /// The folder that another process, on which this one waits, has opened: only that one writes.
  static std::unique_ptr<RunFolder> of_leader(std::filesystem::path folder);
  /// Removes a folder that it created and in which no run began.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  bool writes() const { return lock_ != nullptr; }
  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path lock() const { return folder_ / ".lock"; }
  std::filesystem::path config() const { return folder_ / "config.yaml"; }
  std::filesystem::path log() const { return folder_ / "log.jsonl"; }
  std::filesystem::path results() const { return folder_ / "results.json"; }
  std::filesystem::path samples() const { return folder_ / "samples"; }
  std::filesystem::path last() const { return folder_ / "checkpoints" / "last.safetensors"; }
  /// The last.safetensors before the last one.
  std::filesystem::path previous() const {
    return folder_ / "checkpoints" / "previous.safetensors";
  }
  std::filesystem::path best() const { return folder_ / "checkpoints" / "best.safetensors"; }

  /// True when a run has begun here before.
  bool holds_run() const;

 private:
  RunFolder() = default;

  std::filesystem::path folder_;
  bool created_ = false;
  std::unique_ptr<core::FileLock> lock_;
};

}  // namespace pcnet::engine
