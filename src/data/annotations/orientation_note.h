#pragma once

#include <filesystem>
#include <string>

namespace pcnet::data {

/// What was done with the EXIF orientation of a picture's file, for people; empty for an upright or
/// unreadable one.
std::string orientation_note(const std::filesystem::path& picture, bool apply_exif);

}  // namespace pcnet::data
