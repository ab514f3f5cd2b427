#pragma once

#include <string_view>

namespace pcnet::core {

/// Writes a part of the result to stdout at once; a progress bar on the same terminal moves below
/// it. The text ends with a newline.
void write_result(std::string_view text);

}  // namespace pcnet::core
