#include "pcnet/core/json_scan.h"

#include <algorithm>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

namespace pcnet::core {

JsonScanner::JsonScanner(std::string_view text)
    : text_(text), at_(text.size() - utf8_text(text).size()) {}

char JsonScanner::peek() {
  skip_space();
  return at_ < text_.size() ? text_[at_] : '\0';
}

std::string_view JsonScanner::value() {
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

std::vector<std::string_view> JsonScanner::elements(std::string_view what) {
  if (peek() != '[') broken(cat(what, " is not a list"));
  ++at_;
  std::vector<std::string_view> items;
  if (take(']')) return items;
  do {
    items.push_back(value());
  } while (take(','));
  require(']');
  return items;
}

void JsonScanner::members(const std::function<bool(const std::string& key)>& visit) {
  require('{');
  if (take('}')) return;
  do {
    const auto key = try_parse_json<nlohmann::json>(value());
    if (!key.is_string()) broken("wanted a member's name in quotes");
    require(':');
    if (!visit(key.get_ref<const std::string&>())) return;
  } while (take(','));
  require('}');
}

void JsonScanner::require_end() {
  skip_space();
  if (at_ != text_.size()) broken("something follows the document's end");
}

void JsonScanner::broken(const std::string& what) const {
  throw Error(cat("broken JSON at byte ", at_, ": ", what));
}

void JsonScanner::skip_space() {
  constexpr std::string_view kSpace = " \n\r\t";
  while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) ++at_;
}

void JsonScanner::skip_string() {
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

void JsonScanner::skip_word() {
  constexpr std::string_view kEnds = ",]} \n\r\t";
  while (at_ < text_.size() && kEnds.find(text_[at_]) == std::string_view::npos) ++at_;
}

bool JsonScanner::take(char wanted) {
  if (peek() != wanted || at_ == text_.size()) return false;
  ++at_;
  return true;
}

void JsonScanner::require(char wanted) {
  if (!take(wanted)) broken(cat("wanted '", wanted, "'"));
}

}  // namespace pcnet::core
