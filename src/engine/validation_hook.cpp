#include "pcnet/engine/validation_hook.h"

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"

namespace pcnet::engine {

using core::cat;
using core::fixed;

double figure(const metrics::Scores& scores, config::Figure metric) {
  switch (metric) {
    case config::Figure::kPointM:
      break;
    case config::Figure::kMiou:
      return scores.miou;
    case config::Figure::kOiou:
      return scores.oiou;
  }
  return scores.point_m;
}

std::string figure_name(config::Figure metric) {
  switch (metric) {
    case config::Figure::kPointM:
      break;
    case config::Figure::kMiou:
      return "mIoU";
    case config::Figure::kOiou:
      return "oIoU";
  }
  return "PointM";
}

bool ValidationHook::is_due(std::int64_t step) const {
  const auto at = [&](std::int64_t every) { return every > 0 && step % every == 0; };
  return step > 0 && (at(options_.every) || at(options_.also_every));
}

void ValidationHook::before_training(TrainState& state) {
  if (is_due(state.step) && state.validated_step != state.step) validate(state);
}

void ValidationHook::after_step(const StepReport& report, TrainState& state) {
  if (is_due(report.step)) validate(state);
}

void ValidationHook::after_training(TrainState& state) {
  if (state.validated_step != state.step) validate(state);
}

void ValidationHook::validate(TrainState& state) {
  core::Lap lap;
  Validation validation = validate_();
  const double seconds = lap.take();
  seconds_ += seconds;
  judge(validation.result, state);
  write(validation, state, seconds);
  if (state.best_step == state.step) best_ = std::move(validation.result);
  if (!state.stopped_early) return;
  parts_.log.write({{"event", "early_stop"},
                    {"step", state.step},
                    {"validations_without_better", state.validations_without_better},
                    {"best_step", state.best_step},
                    {"best_score", state.best_score}});
  core::log::info(cat("training ends early: no better ", figure_name(options_.best_metric),
                      " than ", fixed(state.best_score, 1), " of step ", state.best_step, " in ",
                      state.validations_without_better, " validations"));
}

/// Best checkpoint and early stop.
void ValidationHook::judge(const SplitResult& result, TrainState& state) {
  state.validated_step = state.step;
  state.last_score = figure(result.scores, options_.best_metric);
  if (state.last_score > state.best_score) {
    TrainState better = state;  // once it is on the disk
    better.best_score = state.last_score;
    better.best_step = state.step;
    better.validations_without_better = 0;
    parts_.checkpointer.save_best(better);
    state = better;
    return;
  }
  ++state.validations_without_better;
  state.stopped_early =
      options_.patience > 0 && state.validations_without_better >= options_.patience;
}

void ValidationHook::write(const Validation& validation, const TrainState& state, double seconds) {
  const auto& scores = validation.result.scores;
  const std::vector<std::pair<std::string, double>> figures = {
      {"point_m", scores.point_m},
      {"miou", scores.miou},
      {"oiou", scores.oiou},
      {"empty_maps", validation.result.empty_maps},
      {"collisions", validation.result.collisions}};
  nlohmann::ordered_json event = {
      {"event", "validation"}, {"step", state.step}, {"epoch", state.epoch}};
  std::vector<std::pair<std::string, double>> curves;
  for (const auto& [name, value] : figures) {
    event[name] = value;
    curves.emplace_back("val/" + name, value);
  }
  event["metric"] = options_.best_metric.word();
  event["best_step"] = state.best_step;
  event["best_score"] = state.best_score;
  event["seconds"] = seconds;
  parts_.log.write(event);
  if (parts_.board != nullptr) parts_.board->scalars(state.step, curves);
  core::log::info(cat("step ", state.step, ": PointM ", fixed(scores.point_m, 1), ", mIoU ",
                      fixed(scores.miou, 1), ", oIoU ", fixed(scores.oiou, 1)));
  if (!validation.samples || !parts_.folder.writes()) return;
  const std::string png = image::encode_png(*validation.samples);
  core::ensure_writable_folder(parts_.folder.samples());
  core::write_file(parts_.folder.samples() / cat(options_.split, "_step", state.step, ".png"), png);
  if (parts_.board == nullptr) return;
  parts_.board->image(state.step, "val/samples",
                      {validation.samples->height, validation.samples->width, png});
}

}  // namespace pcnet::engine
