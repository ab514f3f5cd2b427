#include "html_entities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "embedded.h"
#include "unicode.h"

namespace pcnet::text {

namespace {

constexpr char32_t kLastCharacter = 0x10FFFF;
constexpr std::size_t kLongestName = 32;   // of a reference in html.unescape, without ';'
constexpr std::size_t kLongestClear = 24;  // of a reference in ftfy, without '&', '#' and ';'

using Entities = std::unordered_map<std::string_view, std::u32string>;

/// Lines of a name and one or two code points in hexadecimal.
Entities read_entities() {
  Entities entities;
  std::string_view lines = embedded_html_entities();
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    std::size_t at = line.find(' ');
    std::u32string& text = entities[line.substr(0, at)];
    while (at != std::string_view::npos) {
      const std::size_t end = std::min(line.find(' ', at + 1), line.size());
      std::uint32_t code = 0;
      std::from_chars(line.data() + at + 1, line.data() + end, code, 16);
      text += static_cast<char32_t>(code);
      at = end == line.size() ? std::string_view::npos : end;
    }
  }
  return entities;
}

const Entities& entities() {
  static const Entities kEntities = read_entities();
  return kEntities;
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_hex(char32_t c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_name_character(char32_t c) { return is_digit(c) || (c < 0x80 && is_letter(c)); }
bool ends_name(char32_t c) {
  return c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' ||
         c == ';';
}

/// Characters that a numeric reference cannot name and that disappear.
bool is_dropped(char32_t code) {
  return (code >= 0x1 && code <= 0x8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
         code == 0x7F || (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFEU) == 0xFFFE;
}

void append_code(std::u32string& out, char32_t code) {
  if (code == 0 || code > kLastCharacter || (code >= 0xD800 && code <= 0xDFFF)) {
    out += U'\uFFFD';
  } else if (code >= 0x80 && code <= 0x9F) {
    out += windows_1252(code);
  } else if (!is_dropped(code)) {
    out += code;
  }
}

/// "#65", "#x41" with or without a semicolon at the start of `text`: its length, 0 when there is
/// none. The character is appended to `out`.
std::size_t take_numeric(std::u32string_view text, std::u32string& out) {
  if (text.size() < 2 || text[0] != '#') return 0;
  const bool hex = text[1] == 'x' || text[1] == 'X';
  const std::size_t start = hex ? 2 : 1;
  std::size_t at = start;
  char32_t code = 0;
  for (; at < text.size() && (hex ? is_hex(text[at]) : is_digit(text[at])); ++at) {
    const char32_t c = text[at];
    const char32_t digit = is_digit(c) ? c - '0' : (c | 0x20U) - 'a' + 10;
    code = std::min(code * (hex ? 16 : 10) + digit, kLastCharacter + 1);
  }
  if (at == start) return 0;
  append_code(out, code);
  return at < text.size() && text[at] == ';' ? at + 1 : at;
}

/// The longest name at the start of `text` that HTML knows: its length, 0 when there is none. What
/// follows it up to the end of the reference stays.
std::size_t take_named(std::u32string_view text, std::u32string& out) {
  std::size_t size = 0;
  while (size < std::min(text.size(), kLongestName) && !ends_name(text[size])) ++size;
  if (size == 0) return 0;
  if (size < text.size() && text[size] == ';') ++size;
  std::array<char, kLongestName + 1> name{};
  std::size_t ascii = 0;
  for (; ascii < size && text[ascii] < 0x80; ++ascii) name[ascii] = static_cast<char>(text[ascii]);
  for (std::size_t length = ascii; length >= 2; --length) {
    const auto found = entities().find(std::string_view(name.data(), length));
    if (found == entities().end()) continue;
    out += found->second;
    out += text.substr(length, size - length);
    return size;
  }
  return 0;
}

/// The references that only ftfy knows: the lower-case names in capitals, where HTML does not
/// already read them in another way.
std::unordered_map<std::string, std::u32string> capital_entities() {
  std::unordered_map<std::string, std::u32string> capitals;
  for (const auto& [name, text] : entities()) {
    const bool lower =
        std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (name.back() != ';' || !lower) continue;
    std::string capital(name);
    std::u32string reference = U"&";
    for (char& c : capital) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      reference += static_cast<char32_t>(c);
    }
    if (unescape_html(reference) == reference) capitals.emplace(capital, to_upper(text));
  }
  return capitals;
}

/// The text of the reference `name`, which ends with ';', or null.
const std::u32string* find_clear(std::string_view name) {
  static const std::unordered_map<std::string, std::u32string> kCapitals = capital_entities();
  const auto found = entities().find(name);
  if (found != entities().end()) return &found->second;
  const auto capital = kCapitals.find(std::string(name));
  return capital == kCapitals.end() ? nullptr : &capital->second;
}

/// As take_named and take_numeric, for a reference that ftfy replaces.
std::size_t take_clear(std::u32string_view text, std::u32string& out) {
  const std::size_t start = !text.empty() && text[0] == '#' ? 1 : 0;
  std::string name;
  std::size_t end = start;
  for (; end < text.size() && name.size() <= kLongestClear && is_name_character(text[end]); ++end) {
    name += static_cast<char>(text[end]);
  }
  if (name.empty() || name.size() > kLongestClear || end == text.size() || text[end] != ';') {
    return 0;
  }
  name += ';';
  if (start == 0) {
    const std::u32string* found = find_clear(name);
    if (found == nullptr) return 0;
    out += *found;
    return end + 1;
  }
  std::u32string character;
  // A reference to a semicolon stays, and so does one with letters behind its digits.
  if (take_numeric(text, character) != end + 1 || character == U";") return 0;
  out += character;
  return end + 1;
}

/// As take_clear, for "amp;amp;amp;" as often as it stands there but once: each of ftfy's rounds
/// would take one away, which is slow for a text of nothing else.
std::size_t take_clear_chain(std::u32string_view text, std::u32string& out) {
  std::u32string character;
  std::size_t size = take_clear(text, character);
  out += character;
  if (size == 0 || character != U"&") return size;
  std::size_t last = 0;
  while (true) {
    std::u32string next;
    const std::size_t more = take_clear(text.substr(size), next);
    if (more == 0 || next != U"&") return size - last;
    size += more;
    last = more;
  }
}

template <class Take>
std::u32string replace_references(std::u32string_view text, Take take) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find(U'&'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t size = take(text.substr(1), out);
    if (size == 0) out += U'&';
    text.remove_prefix(size + 1);
  }
  return out;
}

}  // namespace

std::u32string unescape_html(std::u32string_view text) {
  return replace_references(text, [](std::u32string_view reference, std::u32string& out) {
    const std::size_t size = take_numeric(reference, out);
    return size > 0 ? size : take_named(reference, out);
  });
}

std::u32string unescape_clear_html(std::u32string_view text) {
  return replace_references(text, take_clear_chain);
}

char32_t windows_1252(char32_t c1_control) {
  static constexpr std::array<char32_t, 32> kTable = {
      0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  return kTable.at(c1_control - 0x80);
}

}  // namespace pcnet::text
