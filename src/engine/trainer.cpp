#include "pcnet/engine/trainer.h"

#include <cmath>
#include <utility>

#include <c10/core/impl/VirtualGuardImpl.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/profile.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/non_finite.h"
#include "pcnet/engine/precision_choice.h"

namespace pcnet::engine {

namespace {

constexpr const char* kPrecision = "precision";
constexpr const char* kLoss = "loss";
constexpr const char* kGradientNorm = "gradient norm";
// Parts of a profile.
constexpr const char* kSums = "sums of gradients";
constexpr const char* kOptimizer = "optimizer";

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
      team_(options.team ? options.team : std::make_shared<core::Communicator>()),
      sums_(*team_, optimizer.groups()),
      buffers_{KeptBuffers(module), KeptBuffers(module)},
      precision_(options.precision) {
  if (options_.ema_decay > 0) ema_.emplace(module_, options_.ema_decay);
}

StepPlace Trainer::place_of(std::int64_t step) const {
  const std::int64_t total = options_.schedule.total_steps;
  return {step, total > 0 ? static_cast<double>(step) / static_cast<double>(total) : 0.0};
}

losses::Terms Trainer::forward(const data::Batch& batch, std::int64_t step, StepReport& report) {
  module_.train();
  choose_precision(batch, step);
  PrecisionGuard arithmetic(*precision_, batch.images.device());
  optimizer_.zero_grad();
  losses::Terms losses = learner_.losses(batch, place_of(step));
  arithmetic.end_forward();
  report.step = step + 1;
  report.learning_rate = options_.learning_rate * options_.schedule.factor(step);
  report.images = batch.size();
  return losses;
}

StepReport Trainer::step(const data::Batch& batch, std::int64_t step) {
  const core::PartScope part("the rest");
  core::Lap lap;
  StepReport report;
  const losses::Terms losses = forward(batch, step, report);
  report.loss = losses.total.item<double>();
  for (const auto& [name, value] : losses.terms) {
    report.terms.emplace_back(name, value.item<double>());
  }
  require_finite(report.loss, kLoss, report);
  report.forward_seconds = lap.take();
  backward(losses.total, report);
  share_statistics(batch);
  meet(batch);
  if (!report.overflowed) require_finite(report.gradient_norm, kGradientNorm, report);
  report.backward_seconds = lap.take();
  update(report);
  report.update_seconds = lap.take();
  return report;
}

Trainer::Pending Trainer::launch(const data::Batch& batch, std::int64_t step) {
  core::Lap lap;
  Pending pending{.batch = batch, .report = {}, .numbers = {}};
  StepReport& report = pending.report;
  const losses::Terms losses = forward(batch, step, report);
  for (const auto& [name, value] : losses.terms) report.terms.emplace_back(name, 0);
  report.forward_seconds = lap.take();
  sums_.begin();
  losses.total.backward();
  sums_.finish();
  share_statistics(batch);
  report.backward_seconds = lap.take();
  const at::Tensor numbers = guarded_update(losses, report);
  report.update_seconds = lap.take();
  if (numbers.is_cpu()) {
    pending.numbers = numbers;
    return pending;
  }
  pending.numbers =
      at::empty(numbers.sizes(), numbers.options().device(at::kCPU).pinned_memory(true));
  pending.numbers.copy_(numbers, /*non_blocking=*/true);
  const c10::Device device = numbers.device();
  pending.ready.emplace(device.type());
  pending.ready->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return pending;
}

at::Tensor Trainer::guarded_update(const losses::Terms& losses, const StepReport& report) {
  const torch::NoGradGuard no_grad;
  const at::Tensor norm = optimizer_.gradient_norm();
  const at::Tensor bad = at::isfinite(losses.total + norm).logical_not().to(at::kFloat);
  halted_ = halted_.defined() ? at::maximum(halted_, bad) : bad;
  AdamW::Guard guard{.skip = halted_};
  if (options_.clip_norm > 0) {
    guard.divisor = ((norm + AdamW::kBesideTheNorm) / options_.clip_norm).clamp_min(1);
  }
  optimizer_.step(report.learning_rate, guard);
  std::vector<at::Tensor> numbers = {losses.total.detach()};
  for (const auto& [name, value] : losses.terms) numbers.push_back(value.detach());
  numbers.push_back(norm);
  return at::stack(numbers);
}

void Trainer::meet(const data::Batch& batch) {
  if (!batch.images.is_cpu()) team_->barrier();
}

StepReport Trainer::read(Pending& pending) {
  if (pending.ready) pending.ready->synchronize();
  meet(pending.batch);
  StepReport& report = pending.report;
  const at::Tensor numbers = pending.numbers.to(at::kDouble);
  const auto* value = numbers.const_data_ptr<double>();
  report.loss = *value++;
  for (auto& [name, term] : report.terms) term = *value++;
  report.gradient_norm = *value;
  require_finite(report.loss, kLoss, report);
  require_finite(report.gradient_norm, kGradientNorm, report);
  return report;
}

void Trainer::choose_precision(const data::Batch& batch, std::int64_t step) {
  const c10::Device device = batch.images.device();
  // What was measured elsewhere, before the run was resumed here, need not exist here.
  const bool known = precision_ && (options_.precision || is_supported(*precision_, device));
  if (!team_->any(!known)) return;
  std::vector<std::string> names;
  for (const auto precision : candidates(device)) names.emplace_back(to_string(precision));
  if (team_->from_leader(core::join(names, " ")) != core::join(names, " ")) {
    throw core::ConfigError(
        "train.precision is auto, and the processes have unlike devices: choose one");
  }
  auto measured = measure_precisions(
      module_, device,
      [&](PrecisionGuard& arithmetic) {
        optimizer_.zero_grad();
        const losses::Terms losses = learner_.losses(batch, place_of(step));
        arithmetic.end_forward();
        losses.total.backward();
        (void)optimizer_.clip_gradients(0);  // waits for the device
      },
      team_->is_alone());
  for (auto& timing : measured) {  // the slowest process counts, and all agree
    const at::Tensor seconds = at::full({1}, timing.seconds, at::kDouble);
    team_->all_reduce(seconds, core::Reduction::kMaximum);
    timing.seconds = seconds.item<double>();
  }
  precision_ = fastest(measured);
  std::vector<std::string> times;
  for (const auto& [precision, seconds] : measured) {
    times.push_back(core::cat(to_string(precision), " ", core::fixed(seconds, 3), " s"));
  }
  core::log::info(core::cat("precision auto: ", core::join(times, ", "),
                            " forward and backward: taking ", to_string(*precision_)));
}

void Trainer::share_weights() {
  if (team_->is_alone()) return;
  const torch::NoGradGuard no_grad;
  const auto share = [this](const at::Tensor& values) {
    const at::Tensor flat = values.detach().contiguous();
    team_->broadcast(flat);
    if (!flat.is_same(values) && flat.data_ptr() != values.data_ptr()) values.detach().copy_(flat);
  };
  for (const auto& parameter : module_.parameters()) share(parameter);
  for (const auto& buffer : module_.buffers()) share(buffer);
  if (!ema_) return;
  for (const auto& [name, values] : ema_->state()) share(values);
}

void Trainer::share_statistics(const data::Batch& batch) {
  if (team_->is_alone() || options_.synchronised_norms) return;
  const torch::NoGradGuard no_grad;
  const double share =
      static_cast<double>(batch.images.size(0)) / static_cast<double>(batch.size());
  std::vector<at::Tensor> statistics;
  for (const auto& buffer : module_.buffers()) {
    if (buffer.is_floating_point()) statistics.push_back(buffer);
  }
  if (statistics.empty()) return;
  std::vector<at::Tensor> rows;
  for (const auto& one : statistics) rows.push_back(one.flatten() * share);
  const at::Tensor mean = at::cat(rows);
  team_->all_reduce(mean, core::Reduction::kSum);
  std::int64_t begin = 0;
  for (const auto& one : statistics) {
    one.copy_(mean.narrow(/*dim=*/0, begin, one.numel()).view_as(one));
    begin += one.numel();
  }
}

void Trainer::backward(const at::Tensor& loss, StepReport& report) {
  sums_.begin();
  if (scales_loss()) {
    report.loss_scale = scaler_.scale();
    const core::PartScope part(kSums);
    (loss * report.loss_scale).backward();
    sums_.finish();
    optimizer_.scale_gradients(1 / report.loss_scale);
  } else {
    const core::PartScope part(kSums);
    loss.backward();
    sums_.finish();
  }
  const core::PartScope part(kOptimizer);
  report.gradient_norm = optimizer_.clip_gradients(options_.clip_norm);
  report.overflowed = scales_loss() && !std::isfinite(report.gradient_norm);
}

void Trainer::update(StepReport& report) {
  const core::PartScope part(kOptimizer);
  if (report.overflowed) {
    core::log::debug(core::cat("step ", report.step,
                               ": the gradient overflows in fp16 with a loss ", "scale of ",
                               report.loss_scale, ": no weight changes"));
    scaler_.overflowed();
  } else {
    between_steps_ = false;
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

std::map<std::string, std::string> Trainer::environment() const {
  return {{"processes", core::cat(team_->size())}};
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
  KeptBuffers& buffers = buffers_before(state.step);
  buffers.keep();
  try {
    return step(batch, state.step);
  } catch (const NonFiniteStep& fault) {
    buffers.restore();
    bool skipped = false;
    for (auto& hook : hooks_) skipped = hook->after_non_finite(fault, batch, state) || skipped;
    if (!skipped) throw;
    StepReport report = fault.report();
    report.skipped = true;
    return report;
  } catch (...) {
    buffers.restore();
    throw;
  }
}

bool Trainer::settle(Pending& pending, TrainState& state) {
  try {
    read(pending);
    return true;
  } catch (const NonFiniteStep&) {
    buffers_before(state.step).restore();
    go_on();
    pending.report = step_or_skip(pending.batch, state);
    return false;
  }
}

bool Trainer::needs_weights(std::int64_t step) {
  bool needed = false;
  for (auto& hook : hooks_) needed = hook->needs_weights(step) || needed;
  return needed;
}

void Trainer::conclude(StepReport& report, std::int64_t steps_per_epoch, TrainState& state) {
  report.epoch = state.step / steps_per_epoch;
  state.step = report.step;
  state.epoch = state.step / steps_per_epoch;
  for (auto& hook : hooks_) hook->after_step(report, state);
}

bool Trainer::run(data::Loader& loader, std::int64_t steps_per_epoch, c10::Device device,
                  TrainState& state) {
  std::optional<Pending> pending;
  double seconds = 0;
  const auto end = [&](StepReport& report) {
    report.seconds = std::exchange(seconds, 0);
    conclude(report, steps_per_epoch, state);
  };
  while (true) {
    core::Lap lap;
    const std::int64_t step = state.step + (pending ? 1 : 0);
    const int signal = team_->largest(core::stop_signal());
    const bool stopped = signal != 0;
    if (stopped) core::stop_by(signal);
    const bool over = step >= options_.schedule.total_steps || state.stopped_early || stopped;
    if (pending && (needs_weights(step) || over)) {
      settle(*pending, state);
      between_steps_ = true;
      seconds += lap.take();
      end(pending->report);
      pending.reset();
      continue;
    }
    if (over && stopped && step < options_.schedule.total_steps && !state.stopped_early) {
      return false;
    }
    if (over) break;
    const data::Batch batch = [&] {
      const core::PartScope part("waiting for data");
      return loader.next().to(device);
    }();
    const double data_seconds = lap.take();
    seconds += data_seconds;
    choose_precision(batch, step);
    if (!reads_late()) {
      (void)needs_weights(step + 1);
      StepReport report = step_or_skip(batch, state);
      report.data_seconds = data_seconds;
      seconds += lap.take();
      between_steps_ = true;
      end(report);
      continue;
    }
    buffers_before(step).keep();
    between_steps_ = false;
    Pending launched = launch(batch, step);
    if (pending) {
      if (!settle(*pending, state)) {
        buffers_before(step).keep();
        launched = launch(batch, step);
      }
      seconds += lap.take();
      end(pending->report);
    }
    launched.report.data_seconds = data_seconds;
    pending = std::move(launched);
    seconds += lap.take();
  }
  for (auto& hook : hooks_) hook->after_training(state);
  return true;
}

}  // namespace pcnet::engine
