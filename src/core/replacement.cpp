#include "replacement.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "system_call.h"

namespace pcnet::core {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPermissions = 0777;

bool is_mounted(const fs::path& path) {
  struct statx status {};
  return ::statx(AT_FDCWD, path.c_str(), 0, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace

void require_replaceable(const fs::path& path) {
  if (::access(path.c_str(), W_OK) != 0 && errno != ENOENT) {
    fail("cannot write", path);
  }
  if (!is_mounted(path)) return;
  throw Error(cat("cannot write ", path.string(),
                  ": it is mounted and cannot be replaced; choose a name inside a mounted folder"));
}

void take_over_mode(int descriptor, const fs::path& replaced) {
  struct stat old {};
  struct stat made {};
  if (::stat(replaced.c_str(), &old) != 0 || ::fstat(descriptor, &made) != 0) return;
  if (old.st_uid != made.st_uid || old.st_gid != made.st_gid) {
    (void)!::fchown(descriptor, old.st_uid, old.st_gid);  // for root alone, mostly
  }
  if (::fchmod(descriptor, old.st_mode & kPermissions) != 0) {
    throw Error(cat("cannot give a new ", replaced.string(),
                    " the mode of the old one: ", std::strerror(errno)));
  }
}

}  // namespace pcnet::core
