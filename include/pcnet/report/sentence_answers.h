#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/metrics/scores.h"

namespace pcnet::report {

/// How one sentence of a dataset was answered, as a line of `eval --per-sentence` says it.
struct SentenceAnswer {
  std::string split;  ///< empty: not known
  std::int64_t sent_id = 0;
  std::int64_t image_id = 0;
  std::string text;
  std::string kind;              ///< empty: the dataset names none
  metrics::SentenceScore score;  ///< without `hit_box`, which no line has
};

/// What answered, and its answers.
struct Answers {
  std::string name;  ///< run, checkpoint or file
  std::vector<SentenceAnswer> sentences;
};

/// The lines of `eval --per-sentence` (docs/cli.md#per-sentence). An Error names file and line of
/// one that is broken, and a sentence that comes twice in a split.
std::vector<SentenceAnswer> parse_answer_lines(std::string_view text, std::string_view name);

}  // namespace pcnet::report
