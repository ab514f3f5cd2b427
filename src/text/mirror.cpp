#include "pcnet/text/mirror.h"

#include <algorithm>

namespace pcnet::text {

namespace {

/// ASCII letters and digits, and every byte of another character.
bool is_word_byte(char raw) {
  const auto c = static_cast<unsigned char>(raw);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

}  // namespace

std::optional<std::string> mirrored(std::string_view text) {
  std::string swapped;
  bool found = false;
  while (!text.empty()) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_word_byte);
    const auto length = static_cast<std::size_t>(end - text.begin());
    const std::string_view word = text.substr(0, length);
    const bool left = word == "left";
    const bool right = word == "right";
    found = found || left || right;
    swapped += left ? "right" : right ? "left" : word;
    text.remove_prefix(length);
    if (text.empty()) break;
    swapped += text.front();
    text.remove_prefix(1);
  }
  if (!found) return std::nullopt;
  return swapped;
}

}  // namespace pcnet::text
