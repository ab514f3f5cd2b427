#include "pcnet/core/partial_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/output_path.h"

#include "replacement.h"
#include "system_call.h"

namespace pcnet::core {

PartialFile::PartialFile(const std::filesystem::path& path)
    : path_(follow_links(path)), partial_(path_.string() + ".partial") {
  require_regular_file(path_);
  require_replaceable(path_);
  descriptor_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile);
  if (descriptor_ < 0) fail("cannot write", partial_);
  const bool locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  const int code = locked ? EWOULDBLOCK : errno;
  if (locked && is_still(descriptor_, partial_)) return;
  ::close(std::exchange(descriptor_, -1));
  errno = code;
  if (code != EWOULDBLOCK) fail("cannot lock", partial_);
  throw Error(cat("another process is writing ", path_.string(), ": wait for it"));
}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t PartialFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail("cannot read", partial_);
  return static_cast<std::uint64_t>(status.st_size);
}

std::string PartialFile::read(std::uint64_t offset, std::size_t bytes) const {
  std::string out(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(descriptor_, out.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", partial_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

void PartialFile::write(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write", partial_);
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void PartialFile::resize(std::uint64_t bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) fail("cannot write", partial_);
}

void PartialFile::sync() {
  if (::fsync(descriptor_) != 0) fail("cannot write", partial_);
}

void PartialFile::commit() {
  take_over_mode(descriptor_, path_);
  sync();
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot write", path_);
  ::close(std::exchange(descriptor_, -1));
  sync_folder(path_.parent_path());
}

}  // namespace pcnet::core
