#pragma once

#include <string>
#include <string_view>

namespace pcnet::weights {

enum class FileKind { kSafetensors, kSafetensorsIndex, kZip };

/// What the first bytes of a file say it is. `name` is its path: for errors, and to tell a
/// safetensors file that is too damaged to be known by its bytes. Everything that pcnet does not
/// read is an Error that says what it is and what to do.
FileKind find_file_kind(std::string_view bytes, std::string_view name);

}  // namespace pcnet::weights
