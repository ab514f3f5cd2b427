#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pcnet/config/train_choices.h"
#include "pcnet/engine/evaluator.h"
#include "pcnet/engine/hooks.h"
#include "pcnet/image/picture.h"
#include "pcnet/report/run_log.h"
#include "pcnet/report/tensorboard.h"

namespace pcnet::engine {

/// What a validation found.
struct Validation {
  SplitResult result;
  std::optional<image::Picture> samples = {};  ///< a sheet of answers, when one is wanted
};

/// Evaluates now and then and at the end: keeps the best checkpoint by one figure, writes the
/// figures and the sheet of answers, and ends the training when nothing gets better.
class ValidationHook : public Hook {
 public:
  struct Options {
    std::int64_t every = 0;       ///< steps; 0: at the end only
    std::int64_t also_every = 0;  ///< steps of train.eval_every_epochs epochs; 0: not
    config::Choice<config::Figure> best_metric = "point_m";
    std::int64_t patience = 0;  ///< validations; 0: any number
    std::string split = "val";  ///< names the sheets, `samples/<split>_step<n>.png`
  };
  struct Parts {
    const RunFolder& folder;
    const Checkpointer& checkpointer;
    report::RunLog& log;
    report::TensorBoard* board = nullptr;  ///< null: nothing is written for TensorBoard
  };
  using Validate = std::function<Validation()>;
  ValidationHook(Validate validate, const Parts& parts, Options options)
      : validate_(std::move(validate)), parts_(parts), options_(std::move(options)) {}

  /// Makes up for a validation in which the run was stopped.
  void before_training(TrainState& state);
  bool needs_weights(std::int64_t step) override { return is_due(step); }
  void after_step(const StepReport& report, TrainState& state) override;
  void after_training(TrainState& state) override;

  /// What the best checkpoint scored, if this process validated it.
  const std::optional<SplitResult>& best() const { return best_; }
  /// Seconds that the validations of this process took.
  double seconds() const { return seconds_; }

 private:
  bool is_due(std::int64_t step) const;
  void validate(TrainState& state);
  void judge(const SplitResult& result, TrainState& state);
  void write(const Validation& validation, const TrainState& state, double seconds);

  Validate validate_;
  Parts parts_;
  Options options_;
  std::optional<SplitResult> best_;
  double seconds_ = 0;
};

/// The figure that train.best_metric names.
double figure(const metrics::Scores& scores, config::Figure metric);
/// Its name for people: "PointM", "mIoU", "oIoU".
std::string figure_name(config::Figure metric);

}  // namespace pcnet::engine
