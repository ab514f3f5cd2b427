#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "pcnet/data/batches/loader.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/ema.h"
#include "pcnet/engine/gradient_scaler.h"
#include "pcnet/engine/kept_buffers.h"
#include "pcnet/engine/learner.h"
#include "pcnet/engine/optimizer.h"
#include "pcnet/engine/precision.h"
#include "pcnet/engine/schedule.h"

namespace pcnet::engine {

/// What one step did.
struct StepReport {
  std::int64_t step = 0;  ///< steps done, this one included
  std::int64_t epoch = 0;
  double learning_rate = 0;
  double loss = 0;
  std::vector<std::pair<std::string, double>> terms;
  double gradient_norm = 0;
  std::int64_t images = 0;
  /// Seconds of its parts. Reading the loss and the gradient norm waits for the device, so that the
  /// parts are honest on CUDA too.
  double forward_seconds = 0;
  double backward_seconds = 0;
  double update_seconds = 0;
  /// The whole step with the wait for its batch, without the hooks (`Trainer::run` sets it).
  double seconds = 0;
  bool skipped = false;  ///< it was not finite and changed nothing
  /// fp16 alone (GradientScaler): the factor that the loss had, whether the gradient overflowed, so
  /// that no weight changed, and how often it did so far.
  double loss_scale = 1;
  bool overflowed = false;
  std::int64_t overflows = 0;
};

class NonFiniteStep;

/// Something that happens along the training: the log, the checkpoints, the validation, the bar.
class Hook {
 public:
  virtual ~Hook() = default;
  virtual void after_step(const StepReport&, TrainState&) {}
  /// A step that was not finite changed nothing; `state` is that before it. @return true when the
  /// training goes on without it, false when the fault is to be thrown on
  virtual bool after_non_finite(const NonFiniteStep&, const data::Batch&, TrainState&) {
    return false;
  }
  /// Training ended by itself (not by a stop signal or an error).
  virtual void after_training(TrainState&) {}
};

/// The loop: batch, losses, gradients, step, hooks. A loss or gradient that is not finite is a
/// NonFiniteStep before any weight changes, unless a hook skips it; a stop signal ends the loop
/// after the step.
class Trainer {
 public:
  struct Options {
    double learning_rate = 0;
    double clip_norm = 0;
    Schedule schedule;
    std::optional<Precision> precision = Precision::kFp32;  ///< none: measured on the first batch
    double ema_decay = 0;                                   ///< 0: no mean of the weights
  };

  Trainer(torch::nn::Module& module, Learner& learner, AdamW& optimizer, const Options& options);

  void add_hook(std::unique_ptr<Hook> hook) { hooks_.push_back(std::move(hook)); }

  /// Trains from `state.step` to the schedule's end or an early stop. @return false when a stop
  /// signal ended it early; `state` then is what resuming needs.
  bool run(data::Loader& loader, std::int64_t steps_per_epoch, c10::Device device,
           TrainState& state);

  /// One step on a batch that is on the model's device.
  StepReport step(const data::Batch& batch, std::int64_t step);

  /// What resuming needs beside the weights, by name (views, not copies): the optimizer's own names
  /// (AdamW), "ema.<name>", "scaler.<name>" and "precision", if it was measured.
  std::map<std::string, at::Tensor> state() const;
  /// Error when a name is missing or has another shape.
  void load_state(const std::map<std::string, at::Tensor>& state);

  /// Has the mean of the weights in their place while the result lives, if there is one.
  [[nodiscard]] AveragedWeights averaged_weights() {
    return AveragedWeights(ema_ ? &*ema_ : nullptr);
  }

 private:
  StepPlace place_of(std::int64_t step) const;
  StepReport step_or_skip(const data::Batch& batch, TrainState& state);
  bool scales_loss() const { return precision_ == Precision::kFp16; }
  /// Measures the precisions when it is left to the trainer and not known yet.
  void choose_precision(const data::Batch& batch, std::int64_t step);
  void backward(const at::Tensor& loss, StepReport& report);
  void update(StepReport& report);

  torch::nn::Module& module_;
  Learner& learner_;
  AdamW& optimizer_;
  Options options_;
  KeptBuffers buffers_;
  std::optional<Precision> precision_;
  GradientScaler scaler_;  // idle but in fp16
  std::optional<Ema> ema_;
  std::vector<std::unique_ptr<Hook>> hooks_;
};

}  // namespace pcnet::engine
