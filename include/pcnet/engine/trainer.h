#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <c10/core/Event.h>
#include <torch/torch.h>

#include "pcnet/core/communicator.h"
#include "pcnet/data/batches/loader.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/ema.h"
#include "pcnet/engine/gradient_scaler.h"
#include "pcnet/engine/gradient_sums.h"
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
  /// Seconds of its parts. Where the step is read at once, reading the loss and the gradient norm
  /// waits for the device; where it is read late, they are those of asking for the work.
  double forward_seconds = 0;
  double backward_seconds = 0;
  double update_seconds = 0;
  /// The wait for its batch, and the whole step with it, without the hooks (`Trainer::run` sets
  /// them); of a step that is read late, from its batch to the next one's.
  double data_seconds = 0;
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
  /// Asked once a step, before after_step: whether that needs the weights as the step left them, so
  /// that the next one may not begin before.
  virtual bool needs_weights(std::int64_t /*step*/) { return false; }
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
///
/// On a GPU the numbers of a step are read late, when the next step has been asked for, so that the
/// GPU never waits for the host (docs/training.md#on-a-gpu). A step that turns out to be bad has
/// changed nothing, nor has the one after it, and both are done again, read at once.
class Trainer {
 public:
  struct Options {
    double learning_rate = 0;
    double clip_norm = 0;
    Schedule schedule;
    std::optional<Precision> precision = Precision::kFp32;  ///< none: measured on the first batch
    double ema_decay = 0;                                   ///< 0: no mean of the weights
    /// Read each step's numbers when the next one is under way. In fp16, where the next loss scale
    /// hangs on them, and with a mean of the weights they are read at once all the same.
    bool reads_late = false;
    /// Processes that share each batch. The gradients that they sum are those of the whole batch,
    /// and so all take the same step.
    std::shared_ptr<core::Communicator> team = nullptr;  ///< null: this one is alone
    bool synchronised_norms = true;  ///< batch norms go by the whole batch (train.sync_batch_norm)
  };

  Trainer(torch::nn::Module& module, Learner& learner, AdamW& optimizer, const Options& options);

  void add_hook(std::unique_ptr<Hook> hook) { hooks_.push_back(std::move(hook)); }

  /// Trains from `state.step` to the schedule's end or an early stop. @return false when a stop
  /// signal ended it early; `state` then is what resuming needs.
  bool run(data::Loader& loader, std::int64_t steps_per_epoch, c10::Device device,
           TrainState& state);

  /// One step on a batch that is on the model's device, its numbers read at once.
  StepReport step(const data::Batch& batch, std::int64_t step);

  /// A step that was asked for and whose numbers are not read yet.
  struct Pending {
    data::Batch batch;
    StepReport report;
    at::Tensor numbers;                    ///< total, terms, gradient norm, in the host's memory
    std::optional<c10::Event> ready = {};  ///< when they are there; none on a processor
  };
  /// Asks for a step. Not in fp16, whose loss scale hangs on the step before.
  Pending launch(const data::Batch& batch, std::int64_t step);
  /// Waits for the numbers of the step that was launched first. NonFiniteStep when they are not
  /// finite: it has changed no weight, nor does any other that is launched before go_on().
  StepReport read(Pending& pending);
  void go_on() { halted_.reset(); }

  /// Whether the weights are those that run() left after the last step that hooks were told of,
  /// also where an exception has ended it: what can be saved.
  bool is_between_steps() const { return between_steps_; }

  /// Gives all processes the weights of process 0; they are the same already where the machines
  /// are.
  void share_weights();

  /// What resuming needs beside the weights, by name (views, not copies): the optimizer's own names
  /// (AdamW), "ema.<name>", "scaler.<name>" and "precision", if it was measured.
  std::map<std::string, at::Tensor> state() const;
  /// Error when a name is missing or has another shape.
  void load_state(const std::map<std::string, at::Tensor>& state);

  /// What a step sends to others to be summed; 0 for a process alone.
  std::int64_t gradient_bytes() const { return sums_.bytes(); }

  /// What beside engine::environment_of() decides how sums are rounded.
  std::map<std::string, std::string> environment() const;

  /// Has the mean of the weights in their place while the result lives, if there is one.
  [[nodiscard]] AveragedWeights averaged_weights() {
    return AveragedWeights(ema_ ? &*ema_ : nullptr);
  }

 private:
  StepPlace place_of(std::int64_t step) const;
  /// On a GPU sums end without their right values once another process has died: nothing may come
  /// of them before all have met.
  void meet(const data::Batch& batch);
  /// Batch norms that each go by their own part of a batch move their running statistics by the
  /// mean. After the backward pass, to which they may not change.
  void share_statistics(const data::Batch& batch);
  /// Two steps may be under way.
  KeptBuffers& buffers_before(std::int64_t step) {
    return buffers_[static_cast<std::size_t>(step) % buffers_.size()];
  }
  /// A mean of the weights takes in good steps alone.
  bool reads_late() const { return options_.reads_late && !ema_ && !scales_loss(); }
  losses::Terms forward(const data::Batch& batch, std::int64_t step, StepReport& report);
  /// Updates unless the numbers are bad, which the device finds out.
  at::Tensor guarded_update(const losses::Terms& losses, const StepReport& report);
  /// The report of a launched step; a bad one is done again as step_or_skip() does it. @return
  /// whether it was good: what was launched since must be launched again if not
  bool settle(Pending& pending, TrainState& state);
  bool needs_weights(std::int64_t step);
  void conclude(StepReport& report, std::int64_t steps_per_epoch, TrainState& state);
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
  std::shared_ptr<core::Communicator> team_;
  GradientSums sums_;
  bool between_steps_ = true;
  std::array<KeptBuffers, 2> buffers_;
  std::optional<Precision> precision_;
  GradientScaler scaler_;  // idle but in fp16
  std::optional<Ema> ema_;
  at::Tensor halted_;  // 1 from the first launched step on that was bad; undefined: none was
  std::vector<std::unique_ptr<Hook>> hooks_;
};

}  // namespace pcnet::engine
