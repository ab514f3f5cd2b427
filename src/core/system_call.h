#pragma once

#include <cerrno>
#include <filesystem>

namespace pcnet::core {

/// Error `<what> <path>: <what the code means>`.
[[noreturn]] void fail(const char* what, const std::filesystem::path& path, int code = errno);

/// False when what was opened at `path` was renamed or removed since, as by a process that held its
/// lock.
bool is_still(int descriptor, const std::filesystem::path& path);

}  // namespace pcnet::core
