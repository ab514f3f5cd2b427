#pragma once

#include <string>
#include <vector>

namespace pcnet::report {

/// Cells as aligned lines: the first column to the left, the others to the right, two spaces
/// between. Rows may have different lengths.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace pcnet::report
