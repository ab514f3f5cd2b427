#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pcnet/distributed/team.h"
#include "pcnet/report/comparison.h"
#include "pcnet/runtime/evaluation.h"

namespace pcnet::runtime {

/// What `eval --compare` is asked.
struct ComparisonRequest {
  /// Each a run folder, a checkpoint, or a file of `--per-sentence` lines.
  std::array<std::filesystem::path, 2> sides;
  std::vector<std::string> splits;     ///< empty: those of the lines, else eval.splits of the first
  std::vector<std::string> overrides;  ///< of both stored configurations
  std::int64_t largest = 10;           ///< sentences listed of each side's largest lead
  distributed::Team* team = nullptr;
};

/// Whether a file holds `--per-sentence` lines rather than weights; so does what is no plain file.
bool holds_answer_lines(const std::filesystem::path& path);

/// The answers of an evaluation, for a comparison.
report::Answers answers_of(const EvaluationResult& result, const std::string& name);

/// Reads or makes both sides' answers and compares them. Error for sides that were not measured on
/// the same sentences or not against the same ground truth; other settings that differ are said.
report::Comparison compare(const ComparisonRequest& request);

/// Error, and warnings, as compare()'s, for two evaluations.
void require_comparable(const nlohmann::ordered_json& protocol_a,
                        const nlohmann::ordered_json& protocol_b);

}  // namespace pcnet::runtime
