#include "pcnet/core/folders.h"

#include <algorithm>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/output_path.h"

#include "replacement.h"

namespace pcnet::core {

namespace fs = std::filesystem;

namespace {

bool is_of_the_user(const std::string& name) {
  const bool backup = name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'));
  return !name.starts_with('.') && !backup;
}

void take_over_folder_mode(const fs::path& folder, const fs::path& replaced) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a mode without the right to read, by the umask
  take_over_mode(descriptor, replaced);
  ::close(descriptor);
}

}  // namespace

std::vector<fs::directory_entry> list_folder(const fs::path& folder, std::error_code& code) {
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator at(folder, code);
  for (; !code && at != fs::directory_iterator(); at.increment(code)) {
    if (is_of_the_user(at->path().filename().string())) entries.push_back(*at);
  }
  if (code) entries.clear();
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<fs::directory_entry> list_folder(const fs::path& folder) {
  std::error_code code;
  auto entries = list_folder(folder, code);
  if (code) throw Error(cat("cannot read the folder ", folder.string(), ": ", code.message()));
  return entries;
}

fs::path folder_target(const fs::path& folder) {
  if (folder.empty()) throw UsageError("the folder to write into is empty: give --out DIR");
  const fs::path target = fs::absolute(follow_links(folder)).lexically_normal();
  return target.has_filename() ? target : target.parent_path();
}

AtomicFolder::AtomicFolder(const fs::path& target) : target_(folder_target(target)) {
  std::error_code code;
  const fs::file_status status = fs::status(target_, code);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw Error(cat(target_.string(), " exists and is no folder: choose another --out"));
  }
  if (fs::is_directory(status) && !fs::is_empty(target_, code)) {
    throw Error(cat(target_.string(), " is not empty: choose another --out"));
  }
  require_replaceable(target_);
  path_ = target_.parent_path() / cat(".", target_.filename().string(), ".tmp-", ::getpid());
  ensure_writable_folder(path_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;  // a destructor cannot report; the name says what it is
  fs::remove_all(path_, ignored);
}

void AtomicFolder::commit() {
  sync_disk(path_);
  take_over_folder_mode(path_, target_);
  std::error_code code;
  fs::rename(path_, target_, code);
  if (code) {
    throw Error(
        cat("cannot rename ", path_.string(), " to ", target_.string(), ": ", code.message()));
  }
  sync_folder(target_.parent_path());
}

}  // namespace pcnet::core
