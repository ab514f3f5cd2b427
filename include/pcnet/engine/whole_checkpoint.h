#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/run_folder.h"

namespace pcnet::engine {

/// The newest checkpoint of a run that is whole.
struct WholeCheckpoint {
  Checkpoint checkpoint;
  std::filesystem::path path;
  std::string damage;  ///< why the newer one was not taken; empty: there is no newer one
};

/// last.safetensors, or previous.safetensors with a loud warning when that is damaged or missing;
/// nothing when the run has neither. Changes no file. Error when none is whole.
std::optional<WholeCheckpoint> load_newest_checkpoint(const RunFolder& folder);

/// Before training goes on from previous.safetensors: the damaged last.safetensors is kept as
/// damaged.safetensors, and the previous one is the last again, so that the next one that is
/// written does not push the only whole one out.
void put_previous_first(const RunFolder& folder);

/// Whether best.safetensors is there and whole; a warning when it is damaged.
bool has_whole_best(const RunFolder& folder);

}  // namespace pcnet::engine
