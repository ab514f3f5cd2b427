#include "listing.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "pcnet/core/json_brackets.h"

#include "cues/trimmed.h"

namespace pcnet::cues {

namespace {

constexpr std::array<std::string_view, 3> kBullets = {"-", "*", "\xe2\x80\xa2"};  // the last: •

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "1. the man", "(2) left man", "- a man": what follows the mark. Empty when the line has none.
std::string_view after_mark(std::string_view line) {
  for (const std::string_view bullet : kBullets) {
    if (line.starts_with(bullet) && line.size() > bullet.size() && line[bullet.size()] == ' ') {
      return trimmed(line.substr(bullet.size()));
    }
  }
  if (line.starts_with('(')) line.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < line.size() && is_digit(line[digits])) ++digits;
  if (digits == 0 || digits > 2 || digits == line.size()) return {};
  const char mark = line[digits];
  if (mark != '.' && mark != ')' && mark != ':') return {};
  const std::string_view rest = line.substr(digits + 1);
  return rest.starts_with(' ') ? trimmed(rest) : std::string_view{};
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && !line.starts_with("```")) lines.push_back(line);
  }
  return lines;
}

/// "Answer: the man" -> "the man".
std::string_view without_label(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos ||
      line.substr(0, colon).find(' ') != std::string_view::npos) {
    return line;
  }
  return trimmed(line.substr(colon + 1));
}

std::vector<std::string> split_at(std::string_view line, char mark) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = line.find(mark);
    parts.emplace_back(trimmed(line.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

std::vector<std::string> items_of_line(std::string_view line) {
  line = without_label(line);
  std::vector<std::string> quoted;
  for (std::size_t at = line.find('"'); at != std::string_view::npos;) {
    const std::size_t end = line.find('"', at + 1);
    if (end == std::string_view::npos) break;
    quoted.emplace_back(line.substr(at + 1, end - at - 1));
    at = line.find('"', end + 1);
  }
  if (!quoted.empty()) return quoted;
  for (const char mark : {';', '|'}) {
    if (line.find(mark) != std::string_view::npos) return split_at(line, mark);
  }
  return split_at(line, ',');
}

/// Whether the quote at `at` ends an element: a comma, the list's end or the text's end follows.
bool closes(std::string_view text, std::size_t at) {
  const std::size_t next = text.find_first_not_of(kSpace, at + 1);
  return next == std::string_view::npos || text[next] == ',' || text[next] == ']';
}

/// Where the element in the quote at `at` ends; npos: it does not.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t end = text.find(quote, at + 1); end != std::string_view::npos;
       end = text.find(quote, end + 1)) {
    if (closes(text, end)) return end;
  }
  return std::string_view::npos;
}

}  // namespace

std::size_t end_of_brackets(std::string_view text) {
  std::size_t end = 0;
  core::visit_brackets(text, [&](std::size_t i, std::ptrdiff_t depth) {
    const bool closes_all = depth == 0 && (text[i] == ']' || text[i] == '}');
    if (closes_all) end = i + 1;
    return !closes_all;
  });
  return end;
}

std::vector<std::string> quoted_in_brackets(std::string_view text) {
  std::vector<std::string> elements;
  std::size_t at = 1;
  while (true) {
    at = text.find_first_not_of(" \t\r\n,", at);
    if (at == std::string_view::npos || text[at] == ']') return elements;
    if (text[at] == '\'' || text[at] == '"' || text[at] == '`') {
      const std::size_t end = closing_quote(text, at);
      if (end == std::string_view::npos) return elements;
      elements.emplace_back(text.substr(at + 1, end - at - 1));
      at = end + 1;
    } else {
      const std::size_t end = text.find_first_of(",]", at);
      if (end == std::string_view::npos) return elements;
      elements.emplace_back(trimmed(text.substr(at, end - at)));
      at = end;
    }
  }
}

std::vector<std::string> listed_lines(std::string_view text) {
  const auto lines = lines_of(text);
  std::vector<std::string> items;
  for (const std::string_view line : lines) {
    const std::string_view item = after_mark(line);
    if (!item.empty()) items.emplace_back(item);
  }
  if (!items.empty()) return items;
  if (lines.size() == 1) return items_of_line(lines.front());
  for (const std::string_view line : lines) {
    if (!line.ends_with(':')) items.emplace_back(without_label(line));  // no heading
  }
  return items;
}

std::string cleaned_phrase(std::string_view phrase) {
  constexpr std::string_view kAround = " \t\r\n\"'`*_.,;:[]{}()";
  const std::size_t begin = phrase.find_first_not_of(kAround);
  if (begin == std::string_view::npos) return {};
  phrase = phrase.substr(begin, phrase.find_last_not_of(kAround) - begin + 1);
  std::string clean;
  for (const char c : phrase) {
    const bool space = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    if (!space) {
      clean += c;
    } else if (!clean.ends_with(' ')) {
      clean += ' ';
    }
  }
  return clean;
}

}  // namespace pcnet::cues
