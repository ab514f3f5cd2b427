#include "json_slices.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "json_lines.h"

namespace pcnet::data {

using core::cat;
using core::Error;

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text)
      : text_(text), at_(text.size() - utf8_text(text).size()) {}

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char wanted) {
    if (peek() != wanted || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void require(char wanted) {
    if (!take(wanted)) broken(cat("wanted '", wanted, "'"));
  }

  /// The text of the next value, up to its end; brackets are only counted.
  std::string_view value() {
    skip_space();
    const std::size_t start = at_;
    std::size_t depth = 0;
    do {
      if (at_ == text_.size()) broken("it ends inside a value (cut short?)");
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
      } else if (c == '[' || c == '{') {
        ++depth;
        ++at_;
      } else if (c == ']' || c == '}') {
        if (depth == 0) break;
        --depth;
        ++at_;
      } else if (depth > 0) {
        ++at_;
      } else {
        skip_word();
        break;
      }
    } while (depth > 0);
    if (at_ == start) broken("wanted a value");
    return text_.substr(start, at_ - start);
  }

  [[noreturn]] void broken(const std::string& what) const {
    throw Error(cat("broken JSON at byte ", at_, ": ", what));
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  void skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return;
      }
    }
    at_ = std::min(at_, text_.size());
    broken("it ends inside a text (cut short?)");
  }
  void skip_word() {
    constexpr std::string_view kEnds = ",]} \n\r\t";
    while (at_ < text_.size() && kEnds.find(text_[at_]) == std::string_view::npos) ++at_;
  }

  std::string_view text_;
  std::size_t at_;
};

std::vector<std::string_view> slice_list(Scanner& scanner) {
  std::vector<std::string_view> items;
  scanner.require('[');
  if (scanner.take(']')) return items;
  do {
    items.push_back(scanner.value());
  } while (scanner.take(','));
  scanner.require(']');
  return items;
}

std::string key_of(Scanner& scanner) {
  const std::string_view text = scanner.value();
  const auto key = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!key.is_string()) scanner.broken("wanted a member's name in quotes");
  return key.get<std::string>();
}

}  // namespace

std::map<std::string, std::vector<std::string_view>> slice_lists(
    std::string_view text, const std::vector<std::string>& names) {
  Scanner scanner(text);
  std::map<std::string, std::vector<std::string_view>> lists;
  scanner.require('{');
  if (!scanner.take('}')) {
    do {
      const std::string key = key_of(scanner);
      scanner.require(':');
      const bool wanted = std::find(names.begin(), names.end(), key) != names.end();
      if (!wanted) {
        if (!nlohmann::json::accept(scanner.value())) {
          scanner.broken("the value before it is no JSON");
        }
        continue;
      }
      if (scanner.peek() != '[') scanner.broken(cat("\"", key, "\" is not a list"));
      if (lists.contains(key)) scanner.broken(cat("a second list \"", key, "\""));
      lists.emplace(key, slice_list(scanner));
    } while (scanner.take(','));
    scanner.require('}');
  }
  if (!scanner.at_end()) scanner.broken("something follows the document's end");
  return lists;
}

}  // namespace pcnet::data
