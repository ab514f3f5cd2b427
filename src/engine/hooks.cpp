#include "pcnet/engine/hooks.h"

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"

namespace pcnet::engine {

using core::cat;
using core::fixed;

void Checkpointer::save_last(const TrainState& state) const {
  save_checkpoint(folder_.last(),
                  {state_dict(module_), trainer_.state(), config_, vocabulary_, state});
}

void Checkpointer::save_best(const TrainState& state) const {
  const AveragedWeights averaged = trainer_.averaged_weights();
  save_checkpoint(folder_.best(), {state_dict(module_), {}, config_, vocabulary_, state});
}

ProgressHook::ProgressHook(std::int64_t total_steps, std::int64_t already, std::int64_t batch_size)
    : progress_(cat("training (", batch_size, " pictures a step)"), total_steps, "steps", already) {
}

void ProgressHook::after_step(const StepReport& report, TrainState&) {
  // A running mean over about twenty steps: a single step's loss jumps too much to be read.
  smoothed_ = started_ ? 0.95 * smoothed_ + 0.05 * report.loss : report.loss;
  started_ = true;
  progress_.update(report.step, cat("loss ", fixed(smoothed_, 4)));
}

void ProgressHook::after_training(TrainState&) { progress_.finish(); }

void LogHook::after_step(const StepReport& report, TrainState&) {
  images_ += report.images;
  if (report.step % every_ != 0) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - since_).count();
  nlohmann::ordered_json loss = {{"total", report.loss}};
  for (const auto& [name, value] : report.terms) loss[name] = value;
  log_.write({{"event", "step"},
              {"step", report.step},
              {"epoch", report.epoch},
              {"lr", report.learning_rate},
              {"loss", loss},
              {"gradient_norm", report.gradient_norm},
              {"images_per_second", static_cast<double>(images_) / seconds}});
  images_ = 0;
  since_ = now;
}

void ValidationHook::before_training(TrainState& state) {
  const bool due = every_ > 0 && state.step > 0 && state.step % every_ == 0;
  if (due && state.validated_step != state.step) validate(state);
}

void ValidationHook::after_step(const StepReport& report, TrainState& state) {
  if (every_ > 0 && report.step % every_ == 0) validate(state);
}

void ValidationHook::after_training(TrainState& state) {
  if (state.validated_step != state.step) validate(state);
}

void ValidationHook::validate(TrainState& state) {
  const SplitResult result = evaluate_();
  state.validated_step = state.step;
  log_.write({{"event", "validation"},
              {"step", state.step},
              {"epoch", state.epoch},
              {"point_m", result.scores.point_m},
              {"miou", result.scores.miou},
              {"oiou", result.scores.oiou},
              {"empty_maps", result.empty_maps},
              {"collisions", result.collisions}});
  core::log::info(cat("step ", state.step, ": PointM ", fixed(result.scores.point_m, 1), ", mIoU ",
                      fixed(result.scores.miou, 1), ", oIoU ", fixed(result.scores.oiou, 1)));
  if (result.scores.point_m <= state.best_point_m) return;
  state.best_point_m = result.scores.point_m;
  state.best_step = state.step;
  checkpointer_.save_best(state);
}

void CheckpointHook::after_step(const StepReport& report, TrainState& state) {
  if (every_ > 0 && report.step % every_ == 0) checkpointer_.save_last(state);
}

}  // namespace pcnet::engine
