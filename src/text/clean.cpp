#include "clean.h"

#include <algorithm>
#include <cstddef>

#include "html_entities.h"
#include "unicode.h"

namespace pcnet::text {

namespace {

constexpr std::size_t kLongestSegment = 1'000'000;  // ftfy looks at no more at once

/// Text that only white space and lower case can change.
bool is_plain(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return (c >= ' ' && c <= '~' && c != '&') || c == '\t' || c == '\n';
  });
}

std::string clean_plain(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n') {
      if (!clean.empty() && clean.back() != ' ') clean += ' ';
    } else {
      clean += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (!clean.empty() && clean.back() == ' ') clean.pop_back();
  return clean;
}

/// The letters of a typographical or digraph character, empty for any other.
std::u32string_view ligature(char32_t c) {
  switch (c) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02BCn";
    case 0x1F1:
      return U"DZ";
    case 0x1F2:
      return U"Dz";
    case 0x1F3:
      return U"dz";
    case 0x1C4:
      return U"D\u017D";
    case 0x1C5:
      return U"D\u017E";
    case 0x1C6:
      return U"d\u017E";
    case 0x1C7:
      return U"LJ";
    case 0x1C8:
      return U"Lj";
    case 0x1C9:
      return U"lj";
    case 0x1CA:
      return U"NJ";
    case 0x1CB:
      return U"Nj";
    case 0x1CC:
      return U"nj";
    case 0xFB00:
      return U"ff";
    case 0xFB01:
      return U"fi";
    case 0xFB02:
      return U"fl";
    case 0xFB03:
      return U"ffi";
    case 0xFB04:
      return U"ffl";
    case 0xFB05:
      return U"\u017Ft";
    case 0xFB06:
      return U"st";
    default:
      return {};
  }
}

char32_t straight_quote(char32_t c) {
  if (c >= 0x201C && c <= 0x201F) return U'"';
  return c == 0x2BC || (c >= 0x2018 && c <= 0x201B) ? U'\'' : c;
}

bool is_control(char32_t c) {
  return c <= 0x8 || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
         (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

/// C1 controls as Windows-1252, ligatures taken apart, full and half width made normal, quotes
/// straight, line breaks '\n'.
std::u32string mend_characters(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i] >= 0x80 && text[i] <= 0x9F ? windows_1252(text[i]) : text[i];
    if (c == '\r') {
      if (i + 1 == text.size() || text[i + 1] != '\n') out += U'\n';
    } else if (c < 0x80) {
      out += c;
    } else if (c == 0x2028 || c == 0x2029) {
      out += U'\n';
    } else if (const auto letters = ligature(c); !letters.empty()) {
      for (const char32_t letter : letters) out += straight_quote(letter);
    } else if (c == 0x3000) {
      out += U' ';
    } else if (c >= 0xFF01 && c <= 0xFFEF) {
      append_nfkc(out, c);
    } else {
      out += straight_quote(c);
    }
  }
  return out;
}

/// The length of a terminal's escape sequence such as "\033[36;44m" at the start of `text`, else 0.
std::size_t terminal_escape(std::u32string_view text) {
  if (text.size() < 3 || text[0] != 0x1B || text[1] != '[') return 0;
  std::size_t at = 2;
  while (at < text.size() && (text[at] == ';' || is_decimal_digit(text[at]))) ++at;
  return at < text.size() && text[at] < 0x80 && is_letter(text[at]) ? at + 1 : 0;
}

std::u32string drop_controls(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t escape = terminal_escape(text.substr(i)); escape > 0) {
      i += escape;
      continue;
    }
    if (!is_control(text[i])) out += text[i];
    ++i;
  }
  return out;
}

/// One round mends what the one before has uncovered, until nothing changes.
std::u32string fix_segment(std::u32string text, bool unescape) {
  while (true) {
    std::u32string next = unescape ? unescape_clear_html(text) : text;
    next = to_nfc(drop_controls(mend_characters(next)));
    if (next == text) return next;
    text = std::move(next);
  }
}

/// A '<' says that the text is HTML, whose references are meant, in this line and those after it.
std::u32string fix_text(std::u32string_view text) {
  std::u32string out;
  bool unescape = true;
  while (!text.empty()) {
    const std::size_t line = std::min(text.find(U'\n'), text.size() - 1) + 1;
    const std::u32string_view segment = text.substr(0, std::min(line, kLongestSegment));
    unescape = unescape && segment.find(U'<') == std::u32string_view::npos;
    out += fix_segment(std::u32string(segment), unescape);
    text.remove_prefix(segment.size());
  }
  return out;
}

std::u32string single_spaces(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    if (!is_space(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += U' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

std::string clean_text(std::string_view bytes) {
  if (is_plain(bytes)) return clean_plain(bytes);
  const std::u32string fixed = fix_text(decode_utf8(bytes));
  return encode_utf8(to_lower(single_spaces(unescape_html(unescape_html(fixed)))));
}

}  // namespace pcnet::text
