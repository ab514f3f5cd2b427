#include "json_lines.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

/// What helps where a program, or a hand, wrote what only looks like JSON; empty otherwise.
std::string_view advice_for(std::string_view text, std::size_t byte, std::string_view reason) {
  // The parser stops within the word.
  const std::size_t start = text.find_last_of(":,[ \t\n", byte == 0 ? 0 : byte - 1);
  std::string_view word = text.substr(start == std::string_view::npos ? 0 : start + 1);
  if (word.starts_with('-')) word.remove_prefix(1);
  if (word.starts_with("NaN") || word.starts_with("Infinity")) {
    return "NaN and Infinity are no JSON: write a number, or leave the entry out";
  }
  if (reason.find("backslash") != std::string_view::npos) {
    return "a backslash is written twice in JSON; paths can have slashes instead";
  }
  if (reason.find("UTF-8") != std::string_view::npos) {
    return "save the file as UTF-8, e.g. `iconv -f LATIN1 -t UTF-8`";
  }
  if (reason.find("unexpected end of input") != std::string_view::npos) return "is it cut short?";
  return {};
}

}  // namespace

std::string_view utf8_text(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) return text.substr(kMark.size());
  const bool marked = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  if (marked || text.substr(0, 4).find('\0') != std::string_view::npos) {
    throw Error(
        "it is text in UTF-16 or UTF-32, wanted UTF-8: convert it, e.g. `iconv -f UTF-16 -t "
        "UTF-8`");
  }
  return text;
}

json parse_json(std::string_view text, const json::parser_callback_t& read) {
  text = utf8_text(text);
  try {
    return json::parse(text, read);
  } catch (const json::exception& fault) {  // also for a number that is too large
    throw broken_json(text, fault);
  }
}

Error broken_json(std::string_view text, const json::exception& fault) {
  std::string reason = fault.what();
  // "[json.exception.parse_error.101] parse error at line 1, column 2: what is wrong"
  if (reason.starts_with('[')) reason.erase(0, reason.find("] ") + 2);
  const std::size_t place = reason.find("column ");
  const std::size_t said = reason.find(": ", place == std::string::npos ? 0 : place);
  if (said != std::string::npos) reason.erase(0, said + 2);
  const auto* parsing = dynamic_cast<const json::parse_error*>(&fault);
  const std::size_t byte = parsing == nullptr ? 0 : std::min(parsing->byte, text.size());
  const std::string_view advice = advice_for(text, byte, reason);
  constexpr std::size_t kLongest = 200;  // it may quote a text whose end is missing
  if (reason.size() > kLongest) reason = reason.substr(0, kLongest) + " ...";
  const std::string where = parsing == nullptr ? "" : cat(" at byte ", byte);
  return Error(cat("broken JSON", where, ": ", reason, advice.empty() ? "" : "; ", advice));
}

std::string shown(const json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 60);
}

const json& member(const json& entry, const char* key) {
  if (!entry.is_object()) throw Error(cat("got ", shown(entry), ", wanted an object {...}"));
  const auto found = entry.find(key);
  if (found == entry.end()) throw Error(cat("no \"", key, "\""));
  return *found;
}

std::int64_t whole_number(const json& value, std::string_view what) {
  const bool too_large =
      value.is_number_unsigned() && !std::in_range<std::int64_t>(value.get<std::uint64_t>());
  if (!value.is_number_integer() || too_large) {
    throw Error(cat(what, " is ", shown(value), ", wanted a whole number"));
  }
  return value.get<std::int64_t>();
}

std::vector<std::string> list_of_texts(const json& value, std::string_view what) {
  if (!value.is_array()) throw Error(cat("its ", what, "s are ", shown(value), ", wanted a list"));
  for (const auto& text : value) {
    if (!text.is_string()) throw Error(cat("a ", what, " is ", shown(text), ", wanted a text"));
  }
  return value.get<std::vector<std::string>>();
}

}  // namespace pcnet::data
