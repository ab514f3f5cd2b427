#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "pcnet/core/progress.h"
#include "pcnet/engine/evaluator.h"
#include "pcnet/engine/run_folder.h"
#include "pcnet/engine/trainer.h"
#include "pcnet/report/run_log.h"

namespace pcnet::engine {

/// Writes checkpoints of one run: weights, the trainer's state, configuration and vocabulary belong
/// together.
class Checkpointer {
 public:
  Checkpointer(const RunFolder& folder, const torch::nn::Module& module, Trainer& trainer,
               nlohmann::ordered_json config, std::vector<std::string> vocabulary)
      : folder_(folder),
        module_(module),
        trainer_(trainer),
        config_(std::move(config)),
        vocabulary_(std::move(vocabulary)) {}

  /// last.safetensors, with what resuming needs.
  void save_last(const TrainState& state) const;
  /// best.safetensors, the weights alone (their mean, if there is one).
  void save_best(const TrainState& state) const;

 private:
  const RunFolder& folder_;
  const torch::nn::Module& module_;
  Trainer& trainer_;
  nlohmann::ordered_json config_;
  std::vector<std::string> vocabulary_;
};

/// Shows the bar with rate, time left and loss.
class ProgressHook : public Hook {
 public:
  ProgressHook(std::int64_t total_steps, std::int64_t already, std::int64_t batch_size);
  void after_step(const StepReport& report, TrainState& state) override;
  void after_training(TrainState& state) override;

 private:
  core::Progress progress_;
  double smoothed_ = 0;
  bool started_ = false;
};

/// Writes {"event":"step",...} lines to log.jsonl.
class LogHook : public Hook {
 public:
  LogHook(report::RunLog& log, std::int64_t every) : log_(log), every_(every) {}
  void after_step(const StepReport& report, TrainState& state) override;

 private:
  report::RunLog& log_;
  std::int64_t every_;
  std::int64_t images_ = 0;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

/// Evaluates now and then and at the end; keeps the best checkpoint by PointM.
class ValidationHook : public Hook {
 public:
  using Evaluate = std::function<SplitResult()>;
  ValidationHook(Evaluate evaluate, const Checkpointer& checkpointer, report::RunLog& log,
                 std::int64_t every)
      : evaluate_(std::move(evaluate)), checkpointer_(checkpointer), log_(log), every_(every) {}
  /// Makes up for a validation in which the run was stopped.
  void before_training(TrainState& state);
  void after_step(const StepReport& report, TrainState& state) override;
  void after_training(TrainState& state) override;

 private:
  void validate(TrainState& state);

  Evaluate evaluate_;
  const Checkpointer& checkpointer_;
  report::RunLog& log_;
  std::int64_t every_;
};

/// Writes last.safetensors now and then.
class CheckpointHook : public Hook {
 public:
  CheckpointHook(const Checkpointer& checkpointer, std::int64_t every)
      : checkpointer_(checkpointer), every_(every) {}
  void after_step(const StepReport& report, TrainState& state) override;

 private:
  const Checkpointer& checkpointer_;
  std::int64_t every_;
};

}  // namespace pcnet::engine
