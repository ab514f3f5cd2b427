#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/metrics/scores.h"

namespace pcnet::report {

/// What is said at the end of a training run.
struct RunSummary {
  /// Scores of a split, the whole and each stage.
  struct Split {
    std::string name;
    metrics::Scores scores;
    std::vector<metrics::Scores> stages;
  };

  std::int64_t steps = 0;
  std::int64_t first_step = 0;     ///< steps done before this process, in a run that was resumed
  bool stopped_early = false;      ///< by train.patience
  std::int64_t skipped_steps = 0;  ///< they were not finite
  double seconds = 0;              ///< of this process, from its first step to its results
  double step_seconds = 0;         ///< of those, spent in steps
  double validation_seconds = 0;   ///< and in validations while training
  std::int64_t images = 0;         ///< seen in the steps of this process
  std::string metric;              ///< train.best_metric; empty: nothing was validated
  std::string metric_name;         ///< the same for people
  double best_score = -1;          ///< percent
  std::int64_t best_step = -1;
  std::vector<Split> splits;
  std::vector<std::pair<std::string, std::string>> places;  ///< what lies where
};

/// The end event of log.jsonl: {"event":"end", ...}.
nlohmann::ordered_json to_json(const RunSummary& summary);

/// The same as a table for people.
std::string to_text(const RunSummary& summary);

}  // namespace pcnet::report
