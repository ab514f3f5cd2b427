#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"
#include "pcnet/core/communicator.h"
#include "pcnet/distributed/team.h"
#include "pcnet/engine/evaluator.h"
#include "pcnet/engine/segmentor.h"

namespace pcnet::runtime {

/// What `eval` is asked.
struct EvaluationRequest {
  /// Run folder or checkpoint; empty for a baseline, and, by CLIP alone (eval.method), for
  /// model.clip.weights.
  std::filesystem::path model;
  std::string baseline;                ///< "centre" or "random"; empty for a model
  std::vector<std::string> splits;     ///< empty: eval.splits
  std::vector<std::string> overrides;  ///< of the stored configuration
  std::filesystem::path per_sentence;  ///< JSON lines are written here if not empty
  distributed::Team* team = nullptr;   ///< processes that share the images; null: alone
};

struct EvaluationResult {
  std::string answered_by;          ///< checkpoint or baseline
  nlohmann::ordered_json protocol;  ///< how it was measured, by name
  config::Segmentor segmentor;
  std::vector<std::pair<std::string, engine::SplitResult>> splits;  ///< in the order asked for
};

/// Evaluates a model or a baseline.
EvaluationResult evaluate(const EvaluationRequest& request);

/// Scores a responder on splits; `name` stands for the model, `known` holds splits that it has
/// answered already.
EvaluationResult evaluate(engine::Responder& responder, engine::Segmentor& segmentor,
                          data::Dataset& dataset, const config::Config& config,
                          const std::vector<std::string>& splits, const std::string& name,
                          std::map<std::string, engine::SplitResult> known = {},
                          const std::shared_ptr<core::Communicator>& team = nullptr);

/// results.json (docs/cli.md#results-json).
nlohmann::ordered_json to_json(const EvaluationResult& result);

/// The tables for a person: one a split, with the kinds of expression apart.
std::string to_text(const EvaluationResult& result);

}  // namespace pcnet::runtime
