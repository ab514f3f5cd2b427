#include "pcnet/text/mirror.h"

#include <cstddef>

#include "unicode.h"

namespace pcnet::text {

namespace {

/// How many bytes at the begin of the text are one word.
std::size_t word_length(std::string_view text) {
  std::size_t length = 0;
  std::string_view rest = text;
  while (!rest.empty() && is_word_character(take_utf8(rest))) length = text.size() - rest.size();
  return length;
}

/// @param swap (word, the text behind it) -> the word in its place, nothing: itself
template <class Swap>
std::optional<std::string> with_words_swapped(std::string_view text, const Swap& swap) {
  std::string swapped;
  bool found = false;
  while (!text.empty()) {
    const std::size_t length = word_length(text);
    const std::string_view word = text.substr(0, length);
    text.remove_prefix(length);
    const std::string_view other = swap(word, text);
    found = found || !other.empty();
    swapped += other.empty() ? word : other;
    if (text.empty()) break;
    std::string_view rest = text;
    take_utf8(rest);  // what ended the word
    swapped += text.substr(0, text.size() - rest.size());
    text = rest;
  }
  if (!found) return std::nullopt;
  return swapped;
}

bool is_next(std::string_view word, std::string_view rest) {
  if (rest.empty() || rest.front() != ' ') return false;
  rest.remove_prefix(1);
  return rest.substr(0, word_length(rest)) == word;
}

}  // namespace

std::optional<std::string> mirrored(std::string_view text) {
  return with_words_swapped(text, [](std::string_view word, std::string_view) -> std::string_view {
    if (word == "left") return "right";
    if (word == "right") return "left";
    return {};
  });
}

std::optional<std::string> upended(std::string_view text) {
  return with_words_swapped(text,
                            [](std::string_view word, std::string_view behind) -> std::string_view {
                              if (word == "above") return "below";
                              if (word == "below" || word == "beneath") return "above";
                              if (word == "over") return "under";
                              if (word == "under" || word == "underneath") return "over";
                              if (word == "top") return "bottom";
                              if (word == "bottom") return "top";
                              if (word == "upper") return "lower";
                              if (word == "higher" && is_next("than", behind)) return "lower";
                              if (word == "lower")
                                return is_next("than", behind) ? "higher" : "upper";
                              return {};
                            });
}

std::optional<std::string> turned(std::string_view text) {
  auto found = mirrored(text);
  return found ? found : upended(text);
}

}  // namespace pcnet::text
