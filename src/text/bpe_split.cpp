#include "bpe_split.h"

#include <array>
#include <cstddef>

#include "unicode.h"

namespace pcnet::text {

namespace {

constexpr std::string_view kStartText = "<|startoftext|>";
constexpr std::string_view kEndText = "<|endoftext|>";
constexpr std::string_view kLongS = "\u017F";  // without case the same letter as "s"
// A mark whose capital is a letter. Matched without case it belongs to no class of CLIP's pattern,
// so that it separates words and gets lost.
constexpr char32_t kIotaBelow = 0x345;

/// How many bytes of `text` the lower-case ASCII `pattern` matches without case, 0 for no match.
std::size_t match(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  for (const char c : pattern) {
    if (c == 's' && text.substr(at).starts_with(kLongS)) {
      at += kLongS.size();
    } else if (at < text.size() && text[at] == c) {
      ++at;
    } else {
      return 0;
    }
  }
  return at;
}

std::size_t match_fixed(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kContractions = {"'s", "'t",  "'re", "'ve",
                                                                    "'m", "'ll", "'d"};
  if (text[0] == '<') {
    const std::size_t size = match(text, kStartText);
    return size > 0 ? size : match(text, kEndText);
  }
  if (text[0] != '\'') return 0;
  for (const auto contraction : kContractions) {
    if (const std::size_t size = match(text, contraction); size > 0) return size;
  }
  return 0;
}

enum class Class : std::uint8_t { kLetter, kNumber, kSpace, kOther };

Class class_of(char32_t c) {
  if (is_letter(c)) return Class::kLetter;
  if (is_number(c)) return Class::kNumber;
  return is_space(c) || c == kIotaBelow ? Class::kSpace : Class::kOther;
}

}  // namespace

BpeWord take_word(std::string_view& text) {
  std::string_view rest = text;
  Class first = Class::kSpace;
  while (!rest.empty() && first == Class::kSpace) {
    text = rest;
    first = class_of(take_utf8(rest));
  }
  if (first == Class::kSpace) {
    text = rest;
    return {};
  }
  std::size_t size = match_fixed(text);
  if (size == 0 && first == Class::kNumber) size = text.size() - rest.size();
  if (size == 0) {
    std::string_view end = rest;
    while (!end.empty() && class_of(take_utf8(rest)) == first) end = rest;
    size = text.size() - end.size();
  }
  BpeWord word{BpeWord::Kind::kOther, text.substr(0, size)};
  if (word.bytes == kStartText) word.kind = BpeWord::Kind::kStart;
  if (word.bytes == kEndText) word.kind = BpeWord::Kind::kEnd;
  text.remove_prefix(size);
  return word;
}

}  // namespace pcnet::text
