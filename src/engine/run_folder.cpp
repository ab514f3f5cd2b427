#include "pcnet/engine/run_folder.h"

namespace pcnet::engine {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path folder) : folder_(std::move(folder)) {
  core::ensure_writable_folder(folder_);
  lock_ = std::make_unique<core::FileLock>(folder_ / ".lock");
  core::ensure_writable_folder(folder_ / "checkpoints");
}

bool RunFolder::holds_run() const { return fs::exists(config()) || fs::exists(last()); }

}  // namespace pcnet::engine
