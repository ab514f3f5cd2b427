#pragma once

#include <filesystem>

#include <sys/types.h>

namespace pcnet::core {

constexpr mode_t kNewFile = 0666;  // of a new file; the process's umask takes from it

/// The name, beside `path`, under which this process writes a file that is not whole yet;
/// remove_abandoned_files knows it.
std::filesystem::path temporary_name(const std::filesystem::path& path);

/// Error when what is at `path` cannot be replaced by a new file or folder of its name: it is
/// write-protected, or something is mounted there.
void require_replaceable(const std::filesystem::path& path);

/// Gives an open file or folder the mode and, where that is allowed, the owner of what it replaces;
/// nothing when nothing is at `replaced`.
void take_over_mode(int descriptor, const std::filesystem::path& replaced);

}  // namespace pcnet::core
