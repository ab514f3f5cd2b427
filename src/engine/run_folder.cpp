#include "pcnet/engine/run_folder.h"

#include <system_error>

#include "pcnet/core/output_path.h"

namespace pcnet::engine {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path folder) : folder_(std::move(folder)), created_(!fs::exists(folder_)) {
  core::ensure_writable_folder(folder_);
  lock_ = std::make_unique<core::FileLock>(lock());
  core::ensure_writable_folder(last().parent_path());
  // The names of new folders, too, must outlive a power failure.
  core::sync_folder(folder_.parent_path());
  core::sync_folder(folder_);
  for (const auto& inside : {folder_, last().parent_path(), samples()}) {
    core::remove_abandoned_files(inside);
  }
}

std::unique_ptr<RunFolder> RunFolder::of_leader(fs::path folder) {
  std::unique_ptr<RunFolder> followed(new RunFolder());
  followed->folder_ = std::move(folder);
  return followed;
}

RunFolder::~RunFolder() {
  std::error_code ignored;  // a destructor cannot report, and an empty folder does no harm
  if (!created_ || !lock_ || fs::exists(config(), ignored) || fs::exists(log(), ignored)) return;
  // The folders go only if they are empty.
  fs::remove(last().parent_path(), ignored);
  fs::remove(lock(), ignored);
  fs::remove(core::follow_links(folder_), ignored);
}

bool RunFolder::holds_run() const { return fs::exists(config()) || fs::exists(last()); }

}  // namespace pcnet::engine
