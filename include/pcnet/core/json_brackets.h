#pragma once

#include <cstddef>
#include <string_view>

namespace pcnet::core {

/// Calls `visit(i, depth)` for each bracket of a JSON text outside of its strings: an opening one
/// with the depth that it makes, a closing one with the depth that it leaves, below 0 where it
/// closes nothing. Ends where `visit` returns false.
template <class Visit>
void visit_brackets(std::string_view text, Visit visit) {
  std::ptrdiff_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (!visit(i, ++depth)) return;
    } else if (c == ']' || c == '}') {
      if (!visit(i, --depth)) return;
    }
  }
}

}  // namespace pcnet::core
