#include "pcnet/engine/trainer.h"

#include <cmath>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/signals.h"

namespace pcnet::engine {

namespace {

/// A number as text; the sign of a nan says nothing.
std::string number(double value) { return std::isnan(value) ? "nan" : core::cat(value); }

void require_finite(double value, const char* what, std::int64_t step,
                    const std::vector<std::pair<std::string, double>>& terms) {
  if (std::isfinite(value)) return;
  std::vector<std::string> parts;
  for (const auto& [name, term] : terms) parts.push_back(core::cat(name, " ", number(term)));
  throw core::Error(core::cat("the ", what, " is ", number(value), " at step ", step + 1, " (",
                              core::join(parts, ", "),
                              "): the checkpoints are those of the steps before; lower "
                              "train.learning_rate or set train.clip_norm"));
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
  require_finite(report.loss, "loss", step, report.terms);
  report.forward_seconds = lap.seconds();
  losses.total.backward();
  report.gradient_norm = optimizer_.clip_gradients(options_.clip_norm);
  require_finite(report.gradient_norm, "gradient norm", step, report.terms);
  report.backward_seconds = lap.seconds();
  optimizer_.step(report.learning_rate);
  report.update_seconds = lap.seconds();
  return report;
}

bool Trainer::run(data::Loader& loader, std::int64_t steps_per_epoch, c10::Device device,
                  TrainState& state) {
  while (state.step < options_.schedule.total_steps) {
    if (core::stop_signal() != 0) return false;
    StepReport report = step(to_device(loader.next(), device), state.step);
    report.epoch = state.step / steps_per_epoch;
    state.step = report.step;
    state.epoch = state.step / steps_per_epoch;
    for (auto& hook : hooks_) hook->after_step(report, state);
  }
  for (auto& hook : hooks_) hook->after_training(state);
  return true;
}

}  // namespace pcnet::engine
