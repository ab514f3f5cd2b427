#pragma once

#include <filesystem>
#include <memory>

#include "pcnet/core/files.h"

namespace pcnet::core {

/// What a file holds now, under a second name that appears with `commit`: so that the file can be
/// replaced in between, and what the second name had before goes only when all is whole. A hard
/// link, or a copy where the disk has no links; symbolic links are followed. Without a file there
/// is nothing to keep.
class KeptFile {
 public:
  /// Error when the file can be neither linked nor copied (a full disk).
  KeptFile(const std::filesystem::path& file, const std::filesystem::path& kept_as);
  ~KeptFile();
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;

  void commit();

 private:
  std::filesystem::path kept_as_;
  std::filesystem::path link_;        // empty: no link is waiting
  std::unique_ptr<AtomicFile> copy_;  // null: no copy is
};

}  // namespace pcnet::core
