#include "pcnet/cues/llm/answer.h"

#include <algorithm>
#include <cctype>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/cues/known_words.h"
#include "pcnet/text/utf8.h"

#include "listing.h"

namespace pcnet::cues {

using core::cat;
using nlohmann::json;

namespace {

constexpr std::size_t kDeepest = 8;        // levels of lists in lists that are looked into
constexpr std::size_t kMostBrackets = 16;  // that are tried
constexpr std::size_t kMostPhrases = 50;   // a model that repeats itself for ever
constexpr std::size_t kMoreWords = 2;      // a phrase may link its words with so many more

void collect(const json& value, std::size_t depth, std::vector<std::string>& phrases) {
  if (value.is_string()) {
    phrases.push_back(value.get<std::string>());
  } else if (value.is_structured() && depth < kDeepest) {
    // Of an object with a list the list counts: {"target": "man", "cues": [...]}.
    const auto list = std::find_if(value.begin(), value.end(),
                                   [](const json& inner) { return inner.is_array(); });
    if (value.is_object() && list != value.end()) return collect(*list, depth + 1, phrases);
    for (const json& inner : value) collect(inner, depth + 1, phrases);
  }
}

/// The JSON value that starts the text; discarded when none does.
json leading_json(std::string_view text) {
  const std::size_t end = end_of_brackets(text);
  return end == 0 ? json(json::value_t::discarded)
                  : core::try_parse_json<json>(text.substr(0, end));
}

/// The phrases that `read` finds at the first bracket where it finds any.
template <class Read>
std::vector<std::string> at_brackets(std::string_view text, const char* brackets, Read read) {
  std::size_t tries = 0;
  for (std::size_t at = text.find_first_of(brackets); at != std::string_view::npos;
       at = text.find_first_of(brackets, at + 1)) {
    std::vector<std::string> phrases = read(text.substr(at));
    if (!phrases.empty() || ++tries == kMostBrackets) return phrases;
  }
  return {};
}

std::vector<std::string> json_phrases(std::string_view text) {
  std::vector<std::string> phrases;
  collect(leading_json(text), 0, phrases);
  return phrases;
}

/// What a thinking model says before its answer.
std::string_view after_thinking(std::string_view answer) {
  constexpr std::string_view kEnd = "</think>";
  const std::size_t end = answer.rfind(kEnd);
  if (end != std::string_view::npos) return answer.substr(end + kEnd.size());
  return answer.find("<think>") == std::string_view::npos ? answer : std::string_view{};
}

std::string in_lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

/// What a phrase is held against.
struct Expression {
  explicit Expression(std::string_view text)
      : words(text),
        longest_cue(count_words(text) + kMoreWords),
        says_something(!telling_words(text).empty()) {}

  KnownWords words;
  std::size_t longest_cue;
  bool says_something;
};

/// Why a phrase cannot be a cue; empty: it can.
std::string fault_of(const std::string& phrase, const Expression& expression,
                     bool allow_new_words) {
  if (count_words(phrase) > expression.longest_cue) return "it is longer than the expression";
  if (expression.says_something && telling_words(phrase).empty()) return "it says nothing";
  if (allow_new_words) return {};
  const auto words = expression.words.new_in(phrase);
  return words.empty() ? std::string()
                       : cat("the expression does not say ", core::join(words, ", "));
}

}  // namespace

std::vector<std::string> phrases_in(std::string_view answer) {
  const std::string text = text::valid_utf8(after_thinking(answer));
  std::vector<std::string> found = at_brackets(text, "[{", json_phrases);
  if (found.empty()) found = at_brackets(text, "[", quoted_in_brackets);
  if (found.empty()) found = listed_lines(text);
  std::vector<std::string> phrases;
  for (const auto& phrase : found) {
    std::string clean = cleaned_phrase(phrase);
    if (!clean.empty() && phrases.size() < kMostPhrases) phrases.push_back(std::move(clean));
  }
  return phrases;
}

Judgement judge_answer(std::string_view answer, std::string_view sentence,
                       const JudgementOptions& options) {
  const Expression expression(sentence);
  Judgement judgement;
  std::vector<std::string> said;
  for (auto& phrase : phrases_in(answer)) {
    const std::string fault = fault_of(phrase, expression, options.allow_new_words);
    if (!fault.empty()) {
      judgement.left_out.push_back(cat("\"", phrase, "\": ", fault));
      continue;
    }
    std::string lower = in_lower_case(phrase);
    const bool twice = std::find(said.begin(), said.end(), lower) != said.end();
    if (twice || judgement.cues.size() == options.most) continue;
    said.push_back(std::move(lower));
    judgement.cues.push_back(std::move(phrase));
  }
  if (!judgement.cues.empty()) return judgement;
  judgement.fault = judgement.left_out.empty() ? "there is no list of phrases in it"
                                               : core::join(judgement.left_out, "; ");
  return judgement;
}

}  // namespace pcnet::cues
