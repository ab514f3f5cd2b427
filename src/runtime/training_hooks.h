#pragma once

#include <memory>
#include <optional>

#include "pcnet/core/lap.h"
#include "pcnet/engine/hooks.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/engine/validation_hook.h"
#include "pcnet/report/run_log.h"
#include "pcnet/report/run_summary.h"
#include "pcnet/report/tensorboard.h"
#include "pcnet/runtime/training_parts.h"

namespace pcnet::runtime {

/// Error for splits to validate on that the dataset does not have, unless it has `train` alone:
/// then a run trains without validation.
void require_splits(const data::ReferIndex& index, const std::vector<std::string>& splits);

/// What happens along a run and at its end: gives the trainer its hooks, then writes the results.
class TrainingHooks {
 public:
  /// Also makes up for a validation in which the run was stopped.
  TrainingHooks(TrainingParts& parts, const engine::RunFolder& folder,
                const engine::Checkpointer& checkpointer, report::RunLog& log,
                engine::TrainState& state);

  /// Evaluates the best checkpoint into results.json and samples/, without masks or a split to
  /// compare with makes the last one the best. @return what there is to say of the run
  report::RunSummary conclude(const engine::TrainState& state);

 private:
  void add_validation(report::RunLog& log, engine::TrainState& state);
  engine::Validation validate();
  void write_results(report::RunSummary& summary);

  core::Lap lap_;
  TrainingParts& parts_;
  const engine::RunFolder& folder_;
  const engine::Checkpointer& checkpointer_;
  std::int64_t first_step_;
  std::optional<report::TensorBoard> board_;
  std::unique_ptr<engine::Segmentor> segmentor_;  // null: nothing can be evaluated
  engine::ValidationHook* validation_ = nullptr;  // the trainer's; null: nothing can be evaluated
  engine::LogHook* steps_ = nullptr;              // the trainer's
};

}  // namespace pcnet::runtime
