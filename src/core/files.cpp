#include "pcnet/core/files.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/output_path.h"
#include "pcnet/core/signals.h"

#include "replacement.h"
#include "system_call.h"

namespace pcnet::core {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTemporary = ".tmp-";  // then the writing process

void write_all(int descriptor, const void* data, std::size_t bytes, const std::string& name) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor, from, bytes);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot write", name, errno);
    }
    from += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

}  // namespace

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return;  // a folder that cannot be opened cannot be synced; the file is whole
  ::fsync(descriptor);
  ::close(descriptor);
}

void sync_disk(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail("cannot sync", folder, errno);
  const int code = ::syncfs(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (code != 0) fail("cannot write into", folder, code);
}

namespace {

/// Waits for what a pipe's writer has to say; a signal ends that.
std::string read_pipe(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) fail("cannot read", path, errno);
  const std::unique_ptr<const int, void (*)(const int*)> closed(
      &descriptor, [](const int* opened) { ::close(*opened); });
  constexpr int kPipeLook = 100;    // milliseconds
  constexpr int kLooksToTell = 20;  // before it is said what is waited for
  std::string bytes;
  char piece[1U << 16U];
  for (int looks = 0;;) {
    throw_if_stopped("nothing was read");
    pollfd pipe{descriptor, POLLIN, 0};
    if (::poll(&pipe, 1, kPipeLook) <= 0) {
      if (++looks == kLooksToTell) {
        log::info(cat("waiting until something writes into the pipe ", path.string()));
      }
      continue;
    }
    const ssize_t got = ::read(descriptor, piece, sizeof(piece));
    if (got == 0) return bytes;
    if (got > 0) bytes.append(piece, static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR && errno != EAGAIN) fail("cannot read", path, errno);
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::error_code none;
  if (fs::is_fifo(path, none)) return read_pipe(path);
  if (fs::is_directory(path)) throw Error(cat("cannot read ", path.string(), ": it is a folder"));
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot read", path, errno);
  // A device has no size: what is read beyond it decides where a file ends.
  constexpr std::size_t kLeast = 4096;
  std::error_code no_size;
  const auto size = fs::file_size(path, no_size);
  std::string bytes(no_size ? kLeast : static_cast<std::size_t>(size) + 1, '\0');
  std::size_t filled = 0;
  while (in.read(bytes.data() + filled, static_cast<std::streamsize>(bytes.size() - filled))) {
    filled = bytes.size();
    bytes.resize(2 * filled);
  }
  filled += static_cast<std::size_t>(in.gcount());
  if (in.bad()) fail("cannot read", path, errno);
  bytes.resize(filled);
  return bytes;
}

fs::path temporary_name(const fs::path& path) { return cat(path.string(), kTemporary, ::getpid()); }

AtomicFile::AtomicFile(const fs::path& path) : name_(path.string()), target_(follow_links(path)) {
  if (target_ != path) name_ += cat(" (a link to ", target_.string(), ")");
  std::error_code none;
  if (fs::is_directory(target_, none)) fail("cannot write", name_, EISDIR);
  if (const auto stream = open_stream(path)) {
    descriptor_ = *stream;
    return;
  }
  require_replaceable(target_);
  temporary_ = temporary_name(target_);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kNewFile);
  if (descriptor_ < 0) fail("cannot write", name_, errno);
  take_over_mode(descriptor_, target_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!is_stream()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  write_all(descriptor_, data, bytes, name_);
  bytes_ += bytes;
}

void AtomicFile::commit(Sync sync) {
  if (is_stream()) {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("cannot write", name_, errno);
    return;
  }
  if (sync == Sync::kNow && ::fsync(descriptor_) != 0) fail("cannot write", name_, errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot write", name_, errno);
  ::close(std::exchange(descriptor_, -1));
  if (sync == Sync::kNow) sync_folder(target_.parent_path());
}

namespace {

/// The process that wrote a temporary file of that name; 0 for any other file.
pid_t writer_of(const std::string& name) {
  const std::size_t mark = name.rfind(kTemporary);
  if (mark == std::string::npos) return 0;
  pid_t writer = 0;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + mark + kTemporary.size(), end, writer);
  return read.ec == std::errc() && read.ptr == end && writer > 0 ? writer : 0;
}

}  // namespace

void remove_abandoned_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> abandoned;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const pid_t writer = writer_of(entry.path().filename().string());
    if (writer == 0 || !entry.is_regular_file()) continue;
    if (writer == ::getpid() || (::kill(writer, 0) != 0 && errno == ESRCH)) {
      abandoned.push_back(entry.path());
    }
  }
  for (const auto& path : abandoned) ::unlink(path.c_str());
}

void write_file(const fs::path& path, std::string_view bytes, Sync sync) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit(sync);
}

void write_file_plain(const fs::path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kNewFile);
  if (descriptor < 0) fail("cannot write", path, errno);
  try {
    write_all(descriptor, bytes.data(), bytes.size(), path);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  if (::close(descriptor) != 0) fail("cannot write", path, errno);
}

void ensure_writable_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(follow_links(folder), code);
  if (code) throw Error(cat("cannot create the folder ", folder.string(), ": ", code.message()));
  if (!fs::is_directory(folder)) throw Error(cat(folder.string(), " is not a folder"));
  if (::access(folder.c_str(), W_OK) != 0) fail("cannot write into", folder, errno);
}

std::uint64_t free_bytes(const fs::path& path) {
  fs::path existing = fs::absolute(path);
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  return fs::space(existing).available;
}

void require_free_bytes(const fs::path& path, std::uint64_t needed) {
  const std::uint64_t available = free_bytes(path);
  if (available < needed) {
    throw Error(cat("not enough disk space for ", path.string(), ": ", human_bytes(available),
                    " free, ", human_bytes(needed), " needed"));
  }
}

FileLock::FileLock(const fs::path& path) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile);
  if (descriptor_ < 0) fail("cannot lock", path, errno);
  const bool locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  const int code = locked ? EWOULDBLOCK : errno;
  if (!locked || !is_still(descriptor_, path)) {
    char owner[32] = {};
    const ssize_t got = ::read(descriptor_, owner, sizeof(owner) - 1);
    ::close(std::exchange(descriptor_, -1));
    if (code != EWOULDBLOCK) fail("cannot lock", path, code);
    throw Error(cat(path.parent_path().string(), " is in use by process ",
                    got > 0 ? owner : "unknown", ": wait for it or choose another folder"));
  }
  const std::string self = std::to_string(::getpid());
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, self.data(), self.size(), 0) < 0) {
    fail("cannot lock", path, errno);
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace pcnet::core
