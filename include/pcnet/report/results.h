#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/metrics/bootstrap.h"
#include "pcnet/metrics/peak.h"
#include "pcnet/metrics/scores.h"

namespace pcnet::report {

/// A line of the results table.
struct ResultRow {
  std::string name;
  metrics::Scores scores;
};

/// One split's scores as in results.json; ratios in percent.
nlohmann::ordered_json to_json(const metrics::Scores& scores);

/// [low, high]
nlohmann::ordered_json to_json(const metrics::Interval& interval);

/// {"point_m": [low, high], "miou": ..., "oiou": ...}
nlohmann::ordered_json to_json(const metrics::Intervals& intervals);

/// How the intervals that are reported were made: {"percent", "resampled", "resamples", "seed"}.
nlohmann::ordered_json to_json(const metrics::Resampling& how);

/// {"x", "y", "score"} (docs/cli.md#per-sentence).
nlohmann::ordered_json to_json(const metrics::Peak& peak);

/// An aligned table for people: sentences, PointM, its box variant, mIoU, that of hits and misses,
/// oIoU, Prec@0.5.
std::string results_table(const std::vector<ResultRow>& rows);

/// "PointM 76.4 to 80.1, mIoU ..., oIoU ...".
std::string to_text(const metrics::Intervals& intervals);

}  // namespace pcnet::report
