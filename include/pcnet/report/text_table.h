#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pcnet::report {

/// Cells as aligned lines: the first column to the left, the others to the right, two spaces
/// between. Rows may have different lengths.
/// @param indent spaces before each line
std::string text_table(const std::vector<std::vector<std::string>>& rows, std::size_t indent = 0);

}  // namespace pcnet::report
