#include "pcnet/core/output_path.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <string>
#include <thread>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/signals.h"

#include "system_call.h"

namespace pcnet::core {

namespace fs = std::filesystem;

namespace {

constexpr int kMostLinks = 40;                        // as the kernel's limit
constexpr std::chrono::milliseconds kReaderLook{50};  // between two looks for a reader

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// True for a link of the kernel's to an open file: its text is no path ("pipe:[7]").
bool is_descriptor(const fs::path& path) {
  std::error_code none;
  struct statfs disk {};
  return fs::is_symlink(path, none) && ::statfs(folder_of(path).c_str(), &disk) == 0 &&
         disk.f_type == PROC_SUPER_MAGIC;
}

/// The number of a descriptor of this process; nothing for any other path.
std::optional<int> own_descriptor(const fs::path& path) {
  std::error_code none;
  if (!is_descriptor(path)) return {};
  if (fs::canonical(folder_of(path), none) != fs::canonical("/proc/self/fd", none)) return {};
  const std::string name = path.filename().string();
  int number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

int duplicate(int descriptor, const fs::path& path) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) fail("cannot write", path, EBADF);
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) fail("cannot write", path, errno);
  return copy;
}

/// Opening a pipe waits for its reader: that is said, and a signal ends it.
int open_when_read(const fs::path& path, bool is_pipe) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC | O_NONBLOCK;
  bool told = false;
  int descriptor = ::open(path.c_str(), kFlags);
  while (descriptor < 0 && is_pipe && errno == ENXIO) {
    if (!told) log::info(cat("waiting until something reads the pipe ", path.string()));
    told = true;
    throw_if_stopped("nothing was written");
    std::this_thread::sleep_for(kReaderLook);
    descriptor = ::open(path.c_str(), kFlags);
  }
  if (descriptor < 0) fail("cannot write", path, errno);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  return descriptor;
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISBLK(mode)) return "a disk";
  return "a device";
}

[[noreturn]] void refuse(const fs::path& path, const char* kind, const char* wanted) {
  throw Error(cat("cannot write ", path.string(), ": it is ", kind, ", wanted ", wanted));
}

}  // namespace

fs::path follow_links(const fs::path& path) {
  fs::path at = path.has_filename() ? path : path.parent_path();
  std::error_code none;
  for (int followed = 0; followed <= kMostLinks; ++followed) {
    if (!fs::is_symlink(at, none) || is_descriptor(at)) return followed == 0 ? path : at;
    at = fs::canonical(folder_of(at)) / fs::read_symlink(at);
  }
  fail("cannot write", path, ELOOP);
}

std::optional<int> open_stream(const fs::path& path) {
  const fs::path target = follow_links(path);
  if (const auto number = own_descriptor(target)) return duplicate(*number, path);
  struct stat status {};
  if (::stat(target.c_str(), &status) != 0) return std::nullopt;
  const mode_t mode = status.st_mode;
  if (S_ISDIR(mode) || (S_ISREG(mode) && !is_descriptor(target))) return std::nullopt;
  if (S_ISSOCK(mode) || S_ISBLK(mode)) refuse(path, kind_of(mode), "a file, a pipe or a device");
  return open_when_read(target, S_ISFIFO(mode));
}

bool is_stdout(const fs::path& path) { return own_descriptor(follow_links(path)) == STDOUT_FILENO; }

void require_regular_file(const fs::path& path) {
  const fs::path target = follow_links(path);
  if (is_descriptor(target)) refuse(path, "an open stream", "a regular file");
  struct stat status {};
  if (::stat(target.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  refuse(path, kind_of(status.st_mode), "a regular file");
}

}  // namespace pcnet::core
