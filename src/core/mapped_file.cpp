#include "pcnet/core/mapped_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::core {

MappedFile::MappedFile(const std::filesystem::path& path, Access access) {
  const auto fail = [&](const char* why) {
    throw Error(cat("cannot read ", path.string(), ": ", why));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(std::strerror(errno));
  struct stat status = {};
  const bool known = ::fstat(descriptor, &status) == 0;
  const bool regular = known && S_ISREG(status.st_mode);
  void* mapped = MAP_FAILED;
  if (regular && status.st_size > 0) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    const bool copy = access == Access::kPrivateCopy;
    mapped = ::mmap(nullptr, size_, copy ? PROT_READ | PROT_WRITE : PROT_READ,
                    copy ? MAP_PRIVATE : MAP_SHARED, descriptor, 0);
  }
  const int code = errno;
  ::close(descriptor);
  if (known && S_ISDIR(status.st_mode)) fail("it is a directory, wanted a file");
  if (!regular) fail(known ? "it is not a regular file" : std::strerror(code));
  if (size_ == 0) return;
  if (mapped == MAP_FAILED) fail(std::strerror(code));
  data_ = static_cast<char*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace pcnet::core
