#include "pcnet/data/proposals/clip_scores.h"

#include <cmath>
#include <limits>

#include "pcnet/core/mapped_file.h"
#include "pcnet/data/annotations/digest.h"

#include "data/annotations/json_lines.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char* kFormat = "pcnet-clip-scores";
constexpr std::int64_t kVersion = 1;
constexpr double kDecimals = 1e6;

const std::string& text_of(const json& value, const char* what) {
  if (!value.is_string()) throw Error(cat("\"", what, "\" is ", shown(value), ", wanted a text"));
  return value.get_ref<const std::string&>();
}

float score_of(const json& value) {
  if (value.is_null()) return -std::numeric_limits<float>::infinity();
  const float score = value.is_number() ? value.get<float>() : NAN;
  if (!std::isfinite(score)) {
    throw Error(cat("a score is ", shown(value), ", wanted a number, or null"));
  }
  return score;
}

}  // namespace

ClipScores::ClipScores(const std::filesystem::path& path)
    : ClipScores(core::MappedFile(path).bytes(), path.string()) {}

ClipScores::ClipScores(std::string_view text, std::string_view name)
    : source_(name), digest_(digest_of(text)) {
  for_each_line(text, name, [&](std::string_view line, std::size_t /*at*/, std::size_t /*number*/) {
    const json entry = core::parse_json<json>(line);
    if (proposals_.digest.empty()) {
      read_head(entry);
    } else {
      read_line(entry);
    }
  });
  if (proposals_.digest.empty()) throw Error(cat(name, ": it is empty"));
}

void ClipScores::read_head(const json& head) {
  const std::string advice = ": wanted a file of `pcnet proposals score`";
  if (!head.is_object() || head.value("format", json()) != kFormat) {
    throw Error(cat("no head {\"format\": \"", kFormat, "\", ...}", advice));
  }
  if (head.value("version", json()) != kVersion) {
    throw Error(cat("version ", shown(member(head, "version")), ", wanted ", kVersion, advice));
  }
  const json& proposals = member(head, "proposals");
  proposals_.digest = text_of(member(proposals, "digest"), "digest");
  if (proposals_.digest.empty()) throw Error("\"digest\" is empty");
  const json& filter = member(proposals, "filter");
  if (!filter.is_object()) throw Error(cat("\"filter\" is ", shown(filter), ", wanted an object"));
  for (const auto& [key, value] : filter.items()) {
    proposals_.filter.emplace(key, text_of(value, key.c_str()));
  }
}

void ClipScores::read_line(const json& line) {
  const std::int64_t sent_id = whole_number(member(line, "sent_id"), "sent_id");
  Entry entry{.sentence = checksum_of(text_of(member(line, "sentence"), "sentence")), .scores = {}};
  const json& scores = member(line, "scores");
  if (!scores.is_array()) throw Error(cat("\"scores\" is ", shown(scores), ", wanted a list"));
  for (const auto& score : scores) entry.scores.push_back(score_of(score));
  if (!entries_.emplace(sent_id, std::move(entry)).second) {
    throw Error(cat("duplicate sent_id ", sent_id));
  }
}

const std::vector<float>* ClipScores::find(std::int64_t sent_id,
                                           const std::string& sentence) const {
  const auto found = entries_.find(sent_id);
  if (found == entries_.end()) return nullptr;
  if (found->second.sentence == checksum_of(sentence)) return &found->second.scores;
  throw Error(cat(source_, ": the scores of sent_id ", sent_id, " are of another sentence than \"",
                  sentence, "\": they were made for another dataset, or it was changed since"));
}

std::string clip_scores_head(const ProposalKey& proposals, const ordered_json& settings) {
  ordered_json head = {{"format", kFormat}, {"version", kVersion}};
  head.update(settings);
  head["proposals"] = {{"digest", proposals.digest}, {"filter", proposals.filter}};
  return core::json_text(head);
}

std::string clip_scores_line(std::int64_t sent_id, const std::string& sentence,
                             const std::vector<float>& scores) {
  ordered_json written = ordered_json::array();
  for (const float score : scores) {
    if (std::isfinite(score)) {
      written.push_back(std::round(static_cast<double>(score) * kDecimals) / kDecimals);
    } else {
      written.push_back(nullptr);
    }
  }
  return core::json_text(
      ordered_json{{"sent_id", sent_id}, {"sentence", sentence}, {"scores", written}});
}

}  // namespace pcnet::data
