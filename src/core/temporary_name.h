#pragma once

#include <filesystem>

namespace pcnet::core {

/// The name, beside `path`, under which this process writes a file that is not whole yet;
/// remove_abandoned_files knows it.
std::filesystem::path temporary_name(const std::filesystem::path& path);

}  // namespace pcnet::core
