#include "pcnet/core/line_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/output_path.h"

#include "replacement.h"
#include "system_call.h"

namespace pcnet::core {

LineFile::LineFile(const std::filesystem::path& path) : path_(follow_links(path)) {
  require_regular_file(path_);
  torn_ = true;
  while (true) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kNewFile);
    if (descriptor_ < 0) fail("cannot write", path_);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) break;
    if (is_still(descriptor_, path_)) return;
    ::close(descriptor_);  // removed, empty, by the process that had it
  }
  const int code = errno;
  ::close(std::exchange(descriptor_, -1));
  errno = code;
  if (code != EWOULDBLOCK) fail("cannot lock", path_);
  throw Error(cat("another process is writing ", path_.string(), ": wait for it"));
}

LineFile::~LineFile() {
  if (descriptor_ < 0) return;
  struct stat now {};
  if (::fstat(descriptor_, &now) == 0 && now.st_size == 0) ::unlink(path_.c_str());
  ::close(descriptor_);
}

std::string LineFile::read() const {
  std::string text = read_file(path_);
  text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
  return text;
}

void LineFile::append(std::string_view line) {
  if (torn_) {
    if (::ftruncate(descriptor_, static_cast<off_t>(read().size())) != 0) fail("cannot cut", path_);
    torn_ = false;
  }
  const std::string whole = cat(line, "\n");
  for (std::string_view left = whole; !left.empty();) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      torn_ = true;
      fail("cannot write", path_);
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

void LineFile::sync() {
  if (::fsync(descriptor_) != 0) fail("cannot write", path_);
}

}  // namespace pcnet::core
