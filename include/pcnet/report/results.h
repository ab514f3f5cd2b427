#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

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

/// {"x", "y", "score"} (docs/cli.md#per-sentence).
nlohmann::ordered_json to_json(const metrics::Peak& peak);

/// An aligned table for people: sentences, PointM, its box variant, mIoU, that of hits and misses,
/// oIoU, Prec@0.5.
std::string results_table(const std::vector<ResultRow>& rows);

}  // namespace pcnet::report
