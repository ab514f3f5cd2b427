#include "pcnet/runtime/answer_comparison.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/checkpoint.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

/// What makes figures of one dataset different figures; the rest is the model's own.
constexpr const char* kMeasure[] = {"exif",   "resize",        "threshold",
                                    "method", "segmentor",     "proposal_tie",
                                    "sam",    "global_weight", "precision"};
constexpr const char* kSubject[] = {"dataset", "split_by", "sentences", "ground_truth"};

std::string value_in(const ordered_json& protocol, const char* key) {
  const auto found = protocol.find(key);
  return found == protocol.end() ? "none" : core::json_text(*found);
}

/// One side, as far as it is known: of a model only what was asked for.
struct Side {
  report::Answers answers;
  ordered_json protocol;  ///< null: of lines
};

Side read_lines(const fs::path& path, const std::vector<std::string>& splits) {
  Side side{{path.string(), report::parse_answer_lines(core::read_file(path), path.string())}, {}};
  if (splits.empty()) return side;
  auto& sentences = side.answers.sentences;
  const std::set<std::string> wanted(splits.begin(), splits.end());
  std::erase_if(sentences, [&](const auto& answer) { return !wanted.contains(answer.split); });
  for (const auto& split : splits) {
    const bool there = std::any_of(sentences.begin(), sentences.end(),
                                   [&](const auto& answer) { return answer.split == split; });
    if (!there) throw core::Error(cat(path.string(), " answers no sentence of ", split));
  }
  return side;
}

Side ask(const fs::path& model, const ComparisonRequest& request,
         const std::vector<std::string>& splits) {
  EvaluationRequest one;
  one.model = model;
  one.splits = splits;
  one.overrides = request.overrides;
  one.team = request.team;
  const EvaluationResult result = evaluate(one);
  return {answers_of(result, model.string()), result.protocol};
}

/// The splits that answers name; none when some do not say it.
std::vector<std::string> splits_in(const report::Answers& answers) {
  std::vector<std::string> found;
  for (const auto& answer : answers.sentences) {
    if (answer.split.empty()) return {};
    if (std::find(found.begin(), found.end(), answer.split) == found.end()) {
      found.push_back(answer.split);
    }
  }
  return found;
}

}  // namespace

bool holds_answer_lines(const fs::path& path) {
  if (fs::is_directory(path)) return false;
  if (!fs::is_regular_file(path)) return fs::exists(path);
  // A text; weights have null bytes here: a length of 64 bits, or an archive's flags.
  char start[8] = {};
  std::ifstream in(path, std::ios::binary);
  in.read(start, sizeof(start));
  const auto got = static_cast<std::size_t>(in.gcount());
  return std::find(start, start + got, '\0') == start + got && !(got > 0 && start[0] == '\x80');
}

report::Answers answers_of(const EvaluationResult& result, const std::string& name) {
  report::Answers answers{name, {}};
  for (const auto& [split, scored] : result.splits) {
    for (const auto& sentence : scored.sentences) {
      answers.sentences.push_back({split, sentence.sent_id, sentence.image_id, sentence.text,
                                   sentence.kind, sentence.stages.back().score});
    }
  }
  return answers;
}

void require_comparable(const ordered_json& protocol_a, const ordered_json& protocol_b) {
  const auto differences = [&](const auto& keys) {
    std::vector<std::string> found;
    for (const char* key : keys) {
      const std::string a = value_in(protocol_a, key);
      const std::string b = value_in(protocol_b, key);
      if (a != b) found.push_back(cat(key, " ", a, " and ", b));
    }
    return core::join(found, ", ");
  };
  const std::string subject = differences(kSubject);
  if (!subject.empty()) {
    throw core::Error(cat("they are not measured on the same: ", subject,
                          "; name one dataset for both (--root, --dataset, --split-by, --set)"));
  }
  const std::string measure = differences(kMeasure);
  if (!measure.empty()) core::log::warning(cat("the two are measured differently: ", measure));
}

report::Comparison compare(const ComparisonRequest& request) {
  std::array<Side, 2> sides;
  std::array<bool, 2> lines{};
  std::vector<std::string> splits = request.splits;
  // Lines first: they are read at once, and say of which splits they are.
  for (std::size_t i = 0; i < 2; ++i) {
    lines[i] = holds_answer_lines(request.sides[i]);
    if (!lines[i]) (void)engine::find_checkpoint(request.sides[i]);  // an Error now, not after work
    if (!lines[i]) continue;
    sides[i] = read_lines(request.sides[i], request.splits);
    if (splits.empty()) splits = splits_in(sides[i].answers);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (lines[i]) continue;
    sides[i] = ask(request.sides[i], request, splits);
    if (splits.empty()) splits = splits_in(sides[i].answers);
  }
  if (!lines[0] && !lines[1]) require_comparable(sides[0].protocol, sides[1].protocol);
  return report::compare(std::move(sides[0].answers), std::move(sides[1].answers), request.largest);
}

}  // namespace pcnet::runtime
