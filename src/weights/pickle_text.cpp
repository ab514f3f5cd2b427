#include "pickle_text.h"

#include <charconv>

namespace pcnet::weights {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](int shift) { put(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    put(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// The number written by exactly `digits` digits of `base` at the front; none when it is not there.
std::optional<std::uint32_t> leading_number(std::string_view text, std::size_t digits, int base) {
  if (text.size() < digits) return std::nullopt;
  std::uint32_t value = 0;
  const char* end = text.data() + digits;
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// Appends what the escape after a backslash means and returns its length, 0 when malformed.
std::size_t append_escape(std::string& out, std::string_view rest) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (rest.empty()) return 0;
  if (const auto at = kLetters.find(rest[0]); at != std::string_view::npos) {
    out.push_back(kMeanings[at]);
    return 1;
  }
  if (rest[0] == 'x') {
    const auto value = leading_number(rest.substr(1), 2, 16);
    if (!value) return 0;
    out.push_back(static_cast<char>(*value));
    return 3;
  }
  std::size_t digits = 0;
  while (digits < 3 && digits < rest.size() && is_octal(rest[digits])) ++digits;
  if (digits == 0) return 0;
  out.push_back(static_cast<char>(*leading_number(rest, digits, 8) & 0xff));
  return digits;
}

bool is_high_surrogate(std::uint32_t code) { return code >= 0xd800 && code < 0xdc00; }
bool is_low_surrogate(std::uint32_t code) { return code >= 0xdc00 && code < 0xe000; }

/// The code point of `\uXXXX` or `\UXXXXXXXX` at the front.
std::optional<std::uint32_t> leading_escape(std::string_view text) {
  if (text.size() < 2 || text[0] != '\\') return std::nullopt;
  if (text[1] == 'u') return leading_number(text.substr(2), 4, 16);
  if (text[1] == 'U') return leading_number(text.substr(2), 8, 16);
  return std::nullopt;
}

/// Length of the UTF-8 sequence at the front, 0 when it is not one.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
  const bool beyond = byte(0) == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string text_from_bytes(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string out;
  for (const char c : bytes) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

std::optional<std::string> unquote(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) return std::nullopt;
  if (literal.front() != '\'' && literal.front() != '"') return std::nullopt;
  literal = literal.substr(1, literal.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < literal.size();) {
    if (literal[i] != '\\') {
      out.push_back(literal[i++]);
      continue;
    }
    const std::size_t length = append_escape(out, literal.substr(i + 1));
    if (length == 0) return std::nullopt;
    i += 1 + length;
  }
  return out;
}

std::optional<std::string> from_raw_unicode_escape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape && text[i + 1] == '\\') {  // a doubled backslash starts no escape
      out += "\\\\";
      i += 2;
      continue;
    }
    if (!escape || (text[i + 1] != 'u' && text[i + 1] != 'U')) {
      append_utf8(out, static_cast<unsigned char>(text[i++]));
      continue;
    }
    auto code = leading_escape(text.substr(i));
    if (!code) return std::nullopt;
    i += text[i + 1] == 'u' ? 6 : 10;
    if (is_high_surrogate(*code)) {  // Python 2 wrote letters beyond 16 bits as two escapes
      const auto low = leading_escape(text.substr(i));
      if (!low || !is_low_surrogate(*low)) return std::nullopt;
      i += text[i + 1] == 'u' ? 6 : 10;
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    }
    if (*code > 0x10ffff || is_low_surrogate(*code)) return std::nullopt;
    append_utf8(out, *code);
  }
  return out;
}

}  // namespace pcnet::weights
