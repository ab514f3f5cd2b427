#include "pcnet/core/json.h"

#include <algorithm>
#include <cstddef>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json_brackets.h"

namespace pcnet::core {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

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

/// What is said for a fault that the parser found.
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

template <class Json>
std::string text_of(const Json& value, JsonStyle style) {
  using Handler = typename Json::error_handler_t;
  try {
    return value.dump(style.indent, ' ', style.ascii,
                      style.exact ? Handler::strict : Handler::replace);
  } catch (const typename Json::type_error&) {
    throw Error(cat("a text to be stored is not UTF-8: ",
                    value.dump(-1, ' ', true, Handler::replace).substr(0, 200)));
  }
}

}  // namespace

std::string json_text(const json& value, JsonStyle style) { return text_of(value, style); }
std::string json_text(const ordered_json& value, JsonStyle style) { return text_of(value, style); }

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

namespace {

/// Whether lists and objects lie in each other deeper than documents do; what is made of them would
/// be copied, written and destroyed level by level, on a stack that ends.
bool is_too_deep(std::string_view text) {
  constexpr std::ptrdiff_t kDeepest = 1000;
  bool too_deep = false;
  visit_brackets(text, [&](std::size_t, std::ptrdiff_t depth) {
    too_deep = depth > kDeepest;
    return !too_deep;
  });
  return too_deep;
}

}  // namespace

template <class Json>
Json parse_json(std::string_view text) {
  text = utf8_text(text);
  if (is_too_deep(text)) throw Error("its lists and objects lie in each other more than 1000 deep");
  try {
    return Json::parse(text);
  } catch (const json::exception& error) {  // also for a number that is too large
    throw broken_json(text, error);
  }
}

template <class Json>
Json try_parse_json(std::string_view text) {
  if (is_too_deep(text)) return Json(Json::value_t::discarded);
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

template json parse_json<json>(std::string_view);
template ordered_json parse_json<ordered_json>(std::string_view);
template json try_parse_json<json>(std::string_view);
template ordered_json try_parse_json<ordered_json>(std::string_view);

bool is_json(std::string_view text) { return json::accept(text); }

}  // namespace pcnet::core
