#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/proposal_scorer.h"
#include "pcnet/engine/responder.h"
#include "pcnet/runtime/model_source.h"

/// Evaluation by CLIP alone (docs/method.md#clip-alone).
namespace pcnet::runtime {

/// The CLIP of a run, a checkpoint or a file of encoders, with its attention pool; of encoders
/// alone in a model whose projections nobody asks, with the default configuration. ConfigError
/// where there is no attention pool.
LoadedModel load_clip(const std::filesystem::path& source,
                      const std::vector<std::string>& overrides);

/// Weight of the whole image in method clip-global-local: eval.global_weight, or the dataset's.
double global_weight(const config::EvalOptions& options, const std::string& dataset);

/// Scores proposals as eval.method says, which chooses some; `loaded` must outlive it.
engine::ProposalScorer proposal_scorer(const LoadedModel& loaded, const config::EvalOptions& eval,
                                       const config::DataOptions& data, const std::string& dataset);

/// Answers as eval.method says, model included; `loaded` and `dataset` must outlive it.
std::unique_ptr<engine::Responder> make_responder(const LoadedModel& loaded,
                                                  data::Dataset& dataset);

}  // namespace pcnet::runtime
