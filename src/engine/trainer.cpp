#include "pcnet/engine/trainer.h"

#include <cmath>

#include "pcnet/core/lap.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/non_finite.h"

namespace pcnet::engine {

namespace {

void require_finite(double value, const char* what, const StepReport& report) {
  if (!std::isfinite(value)) throw NonFiniteStep(what, value, report);
}

}  // namespace

data::Batch to_device(const data::Batch& batch, c10::Device device) {
  const auto moved = [&](const at::Tensor& tensor) {
    // Only page-locked memory is copied while the program goes on; the stream keeps the order.
    return tensor.defined() ? tensor.to(device, /*non_blocking=*/device.is_cuda()) : tensor;
  };
  data::Batch there = batch;
  for (at::Tensor* tensor :
       {&there.images, &there.text_index, &there.mirrored_index, &there.cue_index,
        &there.partner_index, &there.partner_cue_index, &there.has_partner, &there.proposals}) {
    *tensor = moved(*tensor);
  }
  return there;
}

StepPlace Trainer::place_of(std::int64_t step) const {
  const std::int64_t total = options_.schedule.total_steps;
  return {step, total > 0 ? static_cast<double>(step) / static_cast<double>(total) : 0.0};
}

StepReport Trainer::step(const data::Batch& batch, std::int64_t step) {
  core::Lap lap;
  module_.train();
  optimizer_.zero_grad();
  const losses::Terms losses = learner_.losses(batch, place_of(step));
  StepReport report;
  report.step = step + 1;
  report.learning_rate = options_.learning_rate * options_.schedule.factor(step);
  report.images = batch.images.size(0);
  report.loss = losses.total.item<double>();
  for (const auto& [name, value] : losses.terms) {
    report.terms.emplace_back(name, value.item<double>());
  }
  require_finite(report.loss, "loss", report);
  report.forward_seconds = lap.seconds();
  losses.total.backward();
  report.gradient_norm = optimizer_.clip_gradients(options_.clip_norm);
  require_finite(report.gradient_norm, "gradient norm", report);
  report.backward_seconds = lap.seconds();
  optimizer_.step(report.learning_rate);
  report.update_seconds = lap.seconds();
  return report;
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
    StepReport report = step_or_skip(to_device(loader.next(), device), state);
    report.seconds = lap.seconds();
    report.epoch = state.step / steps_per_epoch;
    state.step = report.step;
    state.epoch = state.step / steps_per_epoch;
    for (auto& hook : hooks_) hook->after_step(report, state);
  }
  for (auto& hook : hooks_) hook->after_training(state);
  return true;
}

}  // namespace pcnet::engine
