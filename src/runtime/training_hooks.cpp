#include "training_hooks.h"

#include <map>
#include <memory>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/non_finite.h"
#include "pcnet/engine/sample_pictures.h"
#include "pcnet/runtime/evaluation.h"
#include "pcnet/runtime/model_source.h"

namespace pcnet::runtime {

using core::cat;

namespace {

/// Whether the splits can be evaluated: weak supervision needs no masks and no split but `train`, a
/// comparison does.
bool can_be_evaluated(const data::ReferIndex& index, const std::vector<std::string>& splits) {
  for (const auto& split : splits) {
    if (!index.has_split(split)) {
      core::log::warning(cat("the dataset has the split train alone, no \"", split,
                             "\": it trains without validation and the best checkpoint is the "
                             "last one (eval.splits=[train] would validate on train)"));
      return false;
    }
    const auto without = index.without_mask(split);
    if (without.empty()) continue;
    core::log::warning(cat("the split \"", split, "\" has ", without.size(),
                           " sentences without a mask (the first: sent_id ", without.front(),
                           "): nothing is evaluated, the best checkpoint is the last one"));
    return false;
  }
  return true;
}

}  // namespace

void require_splits(const data::ReferIndex& index, const std::vector<std::string>& splits) {
  const bool alone = !index.has_split("val") && !index.has_split("test");
  for (const auto& split : splits) {
    if (!alone || index.has_split(split)) (void)index.split(split);
  }
}

TrainingHooks::TrainingHooks(TrainingParts& parts, const engine::RunFolder& folder,
                             const engine::Checkpointer& checkpointer, report::RunLog& log,
                             engine::TrainState& state)
    : parts_(parts), folder_(folder), checkpointer_(checkpointer), first_step_(state.step) {
  const auto& options = parts.config.train;
  auto& trainer = *parts.trainer;
  if (parts.config.run.tensorboard && folder.writes()) board_.emplace(folder.path(), state.step);
  trainer.add_hook(std::make_unique<engine::NonFiniteHook>(
      engine::NonFiniteHook::Parts{folder, *parts.model, *parts.optimizer, *parts.tokenizer,
                                   checkpointer, log},
      options.non_finite));
  auto steps =
      std::make_unique<engine::LogHook>(log, options.log_every, board_ ? &*board_ : nullptr);
  steps_ = steps.get();
  trainer.add_hook(std::move(steps));
  if (can_be_evaluated(parts.dataset.index(), parts.config.eval.splits)) add_validation(log, state);
  trainer.add_hook(std::make_unique<engine::CheckpointHook>(checkpointer, options.checkpoint_every,
                                                            &log, parts.team));
  // The bar's clock starts with it.
  trainer.add_hook(
      std::make_unique<engine::ProgressHook>(parts.total_steps(), state.step, options.batch_size,
                                             engine::figure_name(options.best_metric)));
}

/// The first split, answered by the model in training.
engine::Validation TrainingHooks::validate() {
  const auto& options = parts_.config.eval;
  const std::string& split = options.splits.front();
  const engine::AveragedWeights averaged = parts_.trainer->averaged_weights();
  auto responder = responder_for(parts_.model, *parts_.tokenizer, parts_.config, parts_.device);
  engine::Validation validation{
      engine::evaluate(parts_.dataset, split, responder, *segmentor_, options, parts_.team)};
  if (!folder_.writes()) return validation;
  const auto samples = engine::draw_samples(parts_.dataset, split, responder, *segmentor_, options);
  if (!samples.empty()) validation.samples = engine::sample_sheet(samples);
  return validation;
}

void TrainingHooks::add_validation(report::RunLog& log, engine::TrainState& state) {
  const auto& options = parts_.config.train;
  segmentor_ = segmentor_for(parts_.config, parts_.dataset);
  auto validation = std::make_unique<engine::ValidationHook>(
      [this] { return validate(); },
      engine::ValidationHook::Parts{folder_, checkpointer_, log, board_ ? &*board_ : nullptr},
      engine::ValidationHook::Options{
          .every = options.eval_every,
          .also_every = options.eval_every_epochs * parts_.steps_per_epoch(),
          .best_metric = options.best_metric,
          .patience = options.patience,
          .split = parts_.config.eval.splits.front()});
  validation_ = validation.get();
  validation->before_training(state);
  parts_.trainer->add_hook(std::move(validation));
}

void TrainingHooks::write_results(report::RunSummary& summary) {
  parts_.team->barrier();  // it is on the disk
  LoadedModel best = load_model(folder_.best(), {});
  auto responder = responder_for(best.model, *best.tokenizer, parts_.config, best.device);
  const auto& splits = parts_.config.eval.splits;
  std::map<std::string, engine::SplitResult> known;
  if (validation_->best()) known.emplace(splits.front(), *validation_->best());
  const auto result = evaluate(responder, *segmentor_, parts_.dataset, parts_.config, splits,
                               folder_.best().string(), std::move(known), parts_.team);
  if (!folder_.writes()) return;
  core::write_file(folder_.results(), core::json_text(to_json(result), {.indent = 2}) + "\n");
  engine::write_samples(folder_.samples(), splits.front(),
                        engine::draw_samples(parts_.dataset, splits.front(), responder, *segmentor_,
                                             parts_.config.eval));
  for (const auto& [split, scored] : result.splits) {
    summary.splits.push_back({split, scored.scores, scored.stages});
  }
  summary.places.emplace_back("results", folder_.results().string());
  if (parts_.config.eval.samples > 0) {
    summary.places.emplace_back("pictures", folder_.samples().string());
  }
}

report::RunSummary TrainingHooks::conclude(const engine::TrainState& state) {
  report::RunSummary summary = {.steps = state.step,
                                .first_step = first_step_,
                                .stopped_early = state.stopped_early,
                                .skipped_steps = state.skipped_steps,
                                .step_seconds = steps_->seconds(),
                                .images = steps_->images()};
  summary.places = {{"weights", folder_.best().string()}, {"log", folder_.log().string()}};
  if (board_)
    summary.places.emplace_back("curves", cat("tensorboard --logdir ", folder_.path().string()));
  if (validation_ == nullptr) {
    checkpointer_.save_best(state);
  } else {
    const auto metric = parts_.config.train.best_metric;
    summary.metric = metric.word();
    summary.metric_name = engine::figure_name(metric);
    summary.best_score = state.best_score;
    summary.best_step = state.best_step;
    summary.validation_seconds = validation_->seconds();
    write_results(summary);
  }
  summary.seconds = lap_.take();
  return summary;
}

}  // namespace pcnet::runtime
