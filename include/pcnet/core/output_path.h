#pragma once

#include <filesystem>
#include <optional>

namespace pcnet::core {

/// The name at the end of the links at `path`, which need not be there yet. A link to a descriptor
/// (`/proc/self/fd/1`, where `/dev/stdout` leads) has no other name and stays. Error for links in a
/// circle.
std::filesystem::path follow_links(const std::filesystem::path& path);

/// The descriptor to write into when `path`, its links followed, is a pipe, a device or a
/// descriptor of a process; its own are duplicated, so that what is written comes behind what they
/// wrote. Nothing for a file and where nothing is. A pipe is waited for until something reads it;
/// Error for a socket and a disk, Interrupted when a signal asks to stop.
std::optional<int> open_stream(const std::filesystem::path& path);

/// True when `path`, its links followed, is this process's stdout.
bool is_stdout(const std::filesystem::path& path);

/// Error when anything but a regular file is at `path`, its links followed: for what is not written
/// front to back, or is read again.
void require_regular_file(const std::filesystem::path& path);

}  // namespace pcnet::core
