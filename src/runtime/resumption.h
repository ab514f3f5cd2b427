#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/run_folder.h"
#include "pcnet/runtime/training.h"
#include "pcnet/runtime/training_parts.h"

namespace pcnet::runtime {

/// Where a run goes on.
struct Resumption {
  engine::Checkpoint checkpoint;
  std::filesystem::path source;
  std::string damage;                       ///< why the newest one was not taken; or empty
  std::vector<config::Difference> changes;  ///< taken over with --resume-anyway
  bool anyway = false;                      ///< --resume-anyway

  /// The checkpoint's step is the last of a finished run that goes no further.
  bool is_finished() const { return checkpoint.state.finished && changes.empty(); }
};

/// The checkpoint to go on from (docs/cli.md#resuming), nothing for a new run. Changes no file.
/// ConfigError that names every difference of the configuration, unless the request takes them.
std::optional<Resumption> find_resumption(const TrainingRequest& request,
                                          const engine::RunFolder& folder);

/// Loads weights and optimizer, and says on what it goes on differently than before. @return the
/// state to go on from
engine::TrainState resume(const Resumption& resumption, TrainingParts& parts,
                          const engine::RunFolder& folder);

/// What log.jsonl is told when a run goes on: {"event":"resume"}, {"event":"fallback"} and
/// {"event":"changed"} lines.
std::vector<nlohmann::ordered_json> events_of(const Resumption& resumption,
                                              const TrainingParts& parts);

}  // namespace pcnet::runtime
