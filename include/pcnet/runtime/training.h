#pragma once

#include <filesystem>
#include <string>

#include "pcnet/config/config.h"
#include "pcnet/distributed/team.h"

namespace pcnet::runtime {

/// What `train` is asked.
struct TrainingRequest {
  config::Config config;
  std::filesystem::path run;
  std::string resume = "no";  ///< "no", "auto", "never" or a checkpoint file
  /// Goes on with the asked configuration where it differs from the checkpoint's.
  bool resume_anyway = false;
  distributed::Team* team = nullptr;  ///< processes that share each batch; null: this one is alone
};

/// Trains a run to its end. Interrupted (after saving) when a signal stops it; Error for a folder
/// that holds another run, a run in use, a non-finite loss, or too little memory (it names a batch
/// size that would fit).
void train(const TrainingRequest& request);

}  // namespace pcnet::runtime
