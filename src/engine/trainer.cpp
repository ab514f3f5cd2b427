#include "pcnet/engine/trainer.h"

#include <cmath>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/non_finite.h"
#include "pcnet/engine/precision_choice.h"

namespace pcnet::engine {

namespace {

constexpr const char* kPrecision = "precision";

void require_finite(double value, const char* what, const StepReport& report) {
  if (!std::isfinite(value)) throw NonFiniteStep(what, value, report);
}

}  // namespace

Trainer::Trainer(torch::nn::Module& module, Learner& learner, AdamW& optimizer,
                 const Options& options)
    : module_(module),
      learner_(learner),
      optimizer_(optimizer),
      options_(options),
      buffers_(module),
      precision_(options.precision) {
  if (options_.ema_decay > 0) ema_.emplace(module_, options_.ema_decay);
}

StepPlace Trainer::place_of(std::int64_t step) const {
  const std::int64_t total = options_.schedule.total_steps;
  return {step, total > 0 ? static_cast<double>(step) / static_cast<double>(total) : 0.0};
}

StepReport Trainer::step(const data::Batch& batch, std::int64_t step) {
  module_.train();
  choose_precision(batch, step);
  core::Lap lap;
  PrecisionGuard arithmetic(*precision_, batch.images.device());
  optimizer_.zero_grad();
  const losses::Terms losses = learner_.losses(batch, place_of(step));
  arithmetic.end_forward();
  StepReport report;
  report.step = step + 1;
  report.learning_rate = options_.learning_rate * options_.schedule.factor(step);
  report.images = batch.images.size(0);
  report.loss = losses.total.item<double>();
  for (const auto& [name, value] : losses.terms) {
    report.terms.emplace_back(name, value.item<double>());
  }
  require_finite(report.loss, "loss", report);
  report.forward_seconds = lap.take();
  backward(losses.total, report);
  if (!report.overflowed) require_finite(report.gradient_norm, "gradient norm", report);
  report.backward_seconds = lap.take();
  update(report);
  report.update_seconds = lap.take();
  return report;
}

void Trainer::choose_precision(const data::Batch& batch, std::int64_t step) {
  const c10::Device device = batch.images.device();
  // What was measured elsewhere, before the run was resumed here, need not exist here.
  const bool known = precision_ && (options_.precision || is_supported(*precision_, device));
  if (known) return;
  const auto measured = measure_precisions(module_, device, [&](PrecisionGuard& arithmetic) {
    optimizer_.zero_grad();
    const losses::Terms losses = learner_.losses(batch, place_of(step));
    arithmetic.end_forward();
    losses.total.backward();
    (void)optimizer_.clip_gradients(0);  // waits for the device
  });
  precision_ = fastest(measured);
  std::vector<std::string> times;
  for (const auto& [precision, seconds] : measured) {
    times.push_back(core::cat(to_string(precision), " ", core::fixed(seconds, 3), " s"));
  }
  core::log::info(core::cat("precision auto: ", core::join(times, ", "),
                            " forward and backward: taking ", to_string(*precision_)));
}

void Trainer::backward(const at::Tensor& loss, StepReport& report) {
  if (scales_loss()) {
    report.loss_scale = scaler_.scale();
    (loss * report.loss_scale).backward();
    optimizer_.scale_gradients(1 / report.loss_scale);
  } else {
    loss.backward();
  }
  report.gradient_norm = optimizer_.clip_gradients(options_.clip_norm);
  report.overflowed = scales_loss() && !std::isfinite(report.gradient_norm);
}

void Trainer::update(StepReport& report) {
  if (report.overflowed) {
    core::log::debug(core::cat("step ", report.step,
                               ": the gradient overflows in fp16 with a loss ", "scale of ",
                               report.loss_scale, ": no weight changes"));
    scaler_.overflowed();
  } else {
    optimizer_.step(report.learning_rate);
    if (ema_) ema_->update();
    if (scales_loss()) scaler_.succeeded();
  }
  report.overflows = scaler_.skipped();
}

std::map<std::string, at::Tensor> Trainer::state() const {
  std::map<std::string, at::Tensor> state = optimizer_.state();
  if (ema_) state.merge(ema_->state());
  if (scales_loss()) state.merge(scaler_.state());
  if (!options_.precision && precision_) {
    state[kPrecision] = torch::tensor(static_cast<std::int64_t>(*precision_), torch::kInt64);
  }
  return state;
}

void Trainer::load_state(const std::map<std::string, at::Tensor>& state) {
  optimizer_.load_state(state);
  if (ema_) ema_->load_state(state);
  const auto measured = state.find(kPrecision);
  if (!options_.precision && measured != state.end()) {
    precision_ = static_cast<Precision>(measured->second.item<std::int64_t>());
  }
  if (scales_loss()) scaler_.load_state(state);
}

StepReport Trainer::step_or_skip(const data::Batch& batch, TrainState& state) {
  // The running means of batch norm change in the forward pass, before the fault is known.
  buffers_.keep();
  try {
    return step(batch, state.step);
  } catch (const NonFiniteStep& fault) {
    buffers_.restore();
    bool skipped = false;
    for (auto& hook : hooks_) skipped = hook->after_non_finite(fault, batch, state) || skipped;
    if (!skipped) throw;
    StepReport report = fault.report();
    report.skipped = true;
    return report;
  }
}

bool Trainer::run(data::Loader& loader, std::int64_t steps_per_epoch, c10::Device device,
                  TrainState& state) {
  while (state.step < options_.schedule.total_steps && !state.stopped_early) {
    if (core::stop_signal() != 0) return false;
    core::Lap lap;
    StepReport report = step_or_skip(loader.next().to(device), state);
    report.seconds = lap.take();
    report.epoch = state.step / steps_per_epoch;
    state.step = report.step;
    state.epoch = state.step / steps_per_epoch;
    for (auto& hook : hooks_) hook->after_step(report, state);
  }
  for (auto& hook : hooks_) hook->after_training(state);
  return true;
}

}  // namespace pcnet::engine
