#include "pcnet/report/sentence_answers.h"

#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

#include "data/annotations/json_lines.h"

namespace pcnet::report {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

std::string text_of(const json& value, const char* key) {
  if (!value.is_string()) throw Error(cat(key, " is ", data::shown(value), ", wanted a text"));
  return value.get<std::string>();
}

std::string text_if_there(const json& line, const char* key) {
  const auto found = line.find(key);
  return found == line.end() ? "" : text_of(*found, key);
}

std::int64_t number_in(const json& line, const char* key) {
  return data::whole_number(data::member(line, key), key);
}

SentenceAnswer answer_of(const json& line) {
  SentenceAnswer answer;
  answer.sent_id = number_in(line, "sent_id");
  answer.image_id = number_in(line, "image_id");
  answer.text = text_of(data::member(line, "text"), "text");
  answer.split = text_if_there(line, "split");
  answer.kind = text_if_there(line, "kind");
  const json& hit = data::member(line, "hit");
  if (!hit.is_boolean()) {
    throw Error(cat("hit is ", data::shown(hit), ", wanted true or false"));
  }
  answer.score.hit = hit.get<bool>();
  answer.score.intersection = number_in(line, "intersection");
  answer.score.union_ = number_in(line, "union");
  // Sums of all sentences' pixels must fit.
  constexpr std::int64_t kMostPixels = std::int64_t{1} << 40;
  if (answer.score.intersection < 0 || answer.score.intersection > answer.score.union_ ||
      answer.score.union_ > kMostPixels) {
    throw Error(cat("intersection ", answer.score.intersection, " and union ", answer.score.union_,
                    " are no pixels of two masks: wanted 0 <= intersection <= union"));
  }
  return answer;
}

}  // namespace

std::vector<SentenceAnswer> parse_answer_lines(std::string_view text, std::string_view name) {
  std::vector<SentenceAnswer> answers;
  std::set<std::pair<std::string, std::int64_t>> seen;
  data::for_each_line(text, name, [&](std::string_view line, std::size_t, std::size_t) {
    answers.push_back(answer_of(core::parse_json<json>(line)));
    const auto& last = answers.back();
    if (seen.emplace(last.split, last.sent_id).second) return;
    throw Error(cat("sent_id ", last.sent_id, " comes a second time",
                    last.split.empty() ? "" : cat(" in ", core::json_text(json(last.split)))));
  });
  if (answers.empty()) {
    throw Error(cat(name, " holds no sentence: wanted the lines of eval --per-sentence"));
  }
  return answers;
}

}  // namespace pcnet::report
