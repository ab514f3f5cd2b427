#include "pcnet/engine/hooks.h"

#include <algorithm>
#include <utility>

#include "pcnet/core/format.h"
#include "pcnet/core/kept_file.h"
#include "pcnet/core/log.h"
#include "pcnet/core/signals.h"

namespace pcnet::engine {

using core::cat;
using core::fixed;

void Checkpointer::save_last(const TrainState& state) const {
  if (!folder_.writes()) return;
  // The one before goes only when the new one is whole on the disk: there are always two.
  core::KeptFile before(folder_.last(), folder_.previous());
  save_checkpoint(folder_.last(), {state_dict(module_), trainer_.state(), config_, vocabulary_,
                                   state, trainer_.environment()});
  before.commit();
  saved_step_ = state.step;
}

void Checkpointer::save_best(const TrainState& state) const {
  if (!folder_.writes()) return;
  const AveragedWeights averaged = trainer_.averaged_weights();
  save_checkpoint(folder_.best(), {state_dict(module_), {}, config_, vocabulary_, state, {}});
}

ProgressHook::ProgressHook(std::int64_t total_steps, std::int64_t already, std::int64_t batch_size,
                           std::string metric)
    : progress_(cat("training (", batch_size, " images a step)"), total_steps, "steps", already),
      metric_(std::move(metric)) {}

void ProgressHook::after_step(const StepReport& report, TrainState& state) {
  if (!report.skipped) {
    add("loss", report.loss);
    for (const auto& [name, value] : report.terms) add(name, value);
  }
  show(state);
}

void ProgressHook::add(const std::string& name, double value) {
  const auto found = std::find_if(means_.begin(), means_.end(),
                                  [&](const Mean& mean) { return mean.name == name; });
  if (found == means_.end()) {
    means_.push_back({name, value});
  } else {
    found->value += 0.05 * (value - found->value);
  }
}

void ProgressHook::show(const TrainState& state) {
  std::vector<std::string> facts;
  for (const auto& [name, value] : means_) facts.push_back(cat(name, " ", fixed(value, 4)));
  const std::string loss = facts.empty() ? "" : facts.front();
  if (facts.size() < 3) facts.clear();  // the only term is the loss
  if (!facts.empty()) facts.erase(facts.begin());
  if (state.validated_step >= 0) {
    facts.insert(facts.begin(), cat(metric_, " ", fixed(state.last_score, 1), " (best ",
                                    fixed(state.best_score, 1), ")"));
  }
  progress_.update(state.step, loss, std::move(facts));
}

void ProgressHook::after_training(TrainState& state) {
  show(state);
  progress_.finish();
}

void LogHook::after_step(const StepReport& report, TrainState&) {
  images_ += report.images;
  seconds_ += report.seconds;
  if (report.step % every_ != 0) return;
  if (!report.skipped) write(report);  // a skipped one has an event of its own
  logged_images_ = images_;
  logged_seconds_ = seconds_;
}

void LogHook::write(const StepReport& report) {
  const double rate = static_cast<double>(images_ - logged_images_) / (seconds_ - logged_seconds_);
  nlohmann::ordered_json loss = {{"total", report.loss}};
  std::vector<std::pair<std::string, double>> curves = {{"loss/total", report.loss}};
  for (const auto& [name, value] : report.terms) {
    loss[name] = value;
    curves.emplace_back("loss/" + name, value);
  }
  nlohmann::ordered_json line = {{"event", "step"},
                                 {"step", report.step},
                                 {"epoch", report.epoch},
                                 {"lr", report.learning_rate},
                                 {"loss", loss},
                                 {"gradient_norm", report.gradient_norm},
                                 {"images_per_second", rate}};
  if (report.loss_scale != 1) {  // fp16
    line["loss_scale"] = report.loss_scale;
    line["overflows"] = report.overflows;
    curves.emplace_back("loss_scale", report.loss_scale);
  }
  log_.write(line);
  if (board_ == nullptr) return;
  curves.emplace_back("lr", report.learning_rate);
  curves.emplace_back("gradient_norm", report.gradient_norm);
  curves.emplace_back("images_per_second", rate);
  board_->scalars(report.step, curves);
}

bool CheckpointHook::needs_weights(std::int64_t step) {
  asked_ = team_ ? team_->any(core::take_save_request()) : core::take_save_request();
  due_ = every_ > 0 && step % every_ == 0;
  return asked_ || due_;
}

void CheckpointHook::after_step(const StepReport&, TrainState& state) {
  if (asked_ || due_) checkpointer_.save_last(state);
  if (!asked_) return;
  core::log::info(cat("step ", state.step, ": saved, as SIGUSR1 asked; training goes on"));
  if (log_ != nullptr) {
    log_->write({{"event", "saved"}, {"step", state.step}, {"signal", "SIGUSR1"}});
  }
}

}  // namespace pcnet::engine
