#include "pcnet/core/folders.h"

#include <system_error>

#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

namespace pcnet::core {

namespace fs = std::filesystem;

AtomicFolder::AtomicFolder(const fs::path& target) {
  if (target.empty()) throw UsageError("the folder to write into is empty: give --out DIR");
  target_ = fs::absolute(target).lexically_normal();
  if (!target_.has_filename()) target_ = target_.parent_path();
  std::error_code code;
  const fs::file_status status = fs::symlink_status(target_, code);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw Error(cat(target_.string(), " exists and is no folder: choose another --out"));
  }
  if (fs::is_directory(status) && !fs::is_empty(target_, code)) {
    throw Error(cat(target_.string(), " is not empty: choose another --out"));
  }
  path_ = target_.parent_path() / cat(".", target_.filename().string(), ".tmp-", ::getpid());
  ensure_writable_folder(path_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;  // a destructor cannot report; the name says what it is
  fs::remove_all(path_, ignored);
}

void AtomicFolder::commit() {
  std::error_code code;
  fs::rename(path_, target_, code);
  if (code) {
    throw Error(
        cat("cannot rename ", path_.string(), " to ", target_.string(), ": ", code.message()));
  }
}

}  // namespace pcnet::core
