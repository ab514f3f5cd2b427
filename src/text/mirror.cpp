#include "pcnet/text/mirror.h"

#include <cstddef>

#include "unicode.h"

namespace pcnet::text {

std::optional<std::string> mirrored(std::string_view text) {
  std::string swapped;
  bool found = false;
  while (!text.empty()) {
    std::size_t length = 0;  // of the word that the text begins with
    std::string_view rest = text;
    while (!rest.empty() && is_word_character(take_utf8(rest))) length = text.size() - rest.size();
    const std::string_view word = text.substr(0, length);
    const bool left = word == "left";
    const bool right = word == "right";
    found = found || left || right;
    swapped += left ? "right" : right ? "left" : word;
    text.remove_prefix(length);
    swapped += text.substr(0, text.size() - rest.size());
    text = rest;
  }
  if (!found) return std::nullopt;
  return swapped;
}

}  // namespace pcnet::text
