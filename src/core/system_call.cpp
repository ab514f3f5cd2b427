#include "system_call.h"

#include <cstring>

#include <sys/stat.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::core {

void fail(const char* what, const std::filesystem::path& path, int code) {
  throw Error(cat(what, " ", path.string(), ": ", std::strerror(code)));
}

bool is_still(int descriptor, const std::filesystem::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace pcnet::core
