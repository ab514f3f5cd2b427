#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pcnet/core/progress.h"
#include "pcnet/engine/run_folder.h"
#include "pcnet/engine/trainer.h"
#include "pcnet/report/run_log.h"
#include "pcnet/report/tensorboard.h"

namespace pcnet::engine {

/// Writes checkpoints of one run: weights, the trainer's state, configuration and vocabulary belong
/// together. In the folder of a leader it writes none.
class Checkpointer {
 public:
  Checkpointer(const RunFolder& folder, const torch::nn::Module& module, Trainer& trainer,
               nlohmann::ordered_json config, std::vector<std::string> vocabulary)
      : folder_(folder),
        module_(module),
        trainer_(trainer),
        config_(std::move(config)),
        vocabulary_(std::move(vocabulary)) {}

  /// last.safetensors, with what resuming needs; the one before becomes previous.safetensors.
  void save_last(const TrainState& state) const;
  /// The step of the last save_last(), -1 before it.
  std::int64_t saved_step() const { return saved_step_; }
  /// best.safetensors, the weights alone (their mean, if there is one).
  void save_best(const TrainState& state) const;

 private:
  const RunFolder& folder_;
  const torch::nn::Module& module_;
  Trainer& trainer_;
  nlohmann::ordered_json config_;
  std::vector<std::string> vocabulary_;
  mutable std::int64_t saved_step_ = -1;
};

/// Shows the bar with rate, time left, loss, the last and the best score, and the loss's terms.
class ProgressHook : public Hook {
 public:
  /// @param metric name of the score
  ProgressHook(std::int64_t total_steps, std::int64_t already, std::int64_t batch_size,
               std::string metric = "PointM");
  void after_step(const StepReport& report, TrainState& state) override;
  void after_training(TrainState& state) override;

 private:
  struct Mean {
    std::string name;
    double value = 0;
  };
  /// Takes a value into its running mean over about twenty steps: that of a single step jumps too
  /// much to be read.
  void add(const std::string& name, double value);
  void show(const TrainState& state);

  core::Progress progress_;
  std::string metric_;
  std::vector<Mean> means_;  // of the loss, then of its terms
};

/// Writes {"event":"step",...} lines to log.jsonl, and the same numbers for TensorBoard.
class LogHook : public Hook {
 public:
  /// @param board null: nothing is written for TensorBoard
  LogHook(report::RunLog& log, std::int64_t every, report::TensorBoard* board = nullptr)
      : log_(log), every_(every), board_(board) {}
  void after_step(const StepReport& report, TrainState& state) override;

  /// Pictures and seconds of the steps of this process, without validations and checkpoints.
  std::int64_t images() const { return images_; }
  double seconds() const { return seconds_; }

 private:
  void write(const StepReport& report);

  report::RunLog& log_;
  std::int64_t every_;
  report::TensorBoard* board_;
  std::int64_t images_ = 0;
  double seconds_ = 0;
  std::int64_t logged_images_ = 0;
  double logged_seconds_ = 0;
};

/// Writes last.safetensors now and then, and when SIGUSR1 asked for it.
class CheckpointHook : public Hook {
 public:
  /// @param log is told of what was saved on request, if there is one
  /// @param team that saves together, whichever of them was asked
  CheckpointHook(const Checkpointer& checkpointer, std::int64_t every,
                 report::RunLog* log = nullptr, std::shared_ptr<core::Communicator> team = nullptr)
      : checkpointer_(checkpointer), every_(every), log_(log), team_(std::move(team)) {}
  bool needs_weights(std::int64_t step) override;
  void after_step(const StepReport& report, TrainState& state) override;

 private:
  const Checkpointer& checkpointer_;
  std::int64_t every_;
  report::RunLog* log_;
  std::shared_ptr<core::Communicator> team_;
  bool asked_ = false;
  bool due_ = false;
};

}  // namespace pcnet::engine
