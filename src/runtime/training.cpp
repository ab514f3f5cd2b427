#include "pcnet/runtime/training.h"

#include <algorithm>
#include <optional>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/hooks.h"
#include "pcnet/engine/run_folder.h"
#include "pcnet/engine/sample_pictures.h"
#include "pcnet/report/run_log.h"
#include "pcnet/runtime/evaluation.h"
#include "pcnet/runtime/model_source.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;

namespace {

/// The checkpoint to go on from, if any (cli.md, `--resume`).
std::optional<engine::Checkpoint> resume_point(const TrainingRequest& request,
                                               const engine::RunFolder& folder) {
  const bool from_file =
      request.resume != "no" && request.resume != "never" && request.resume != "auto";
  if (from_file && !fs::exists(request.resume)) {
    throw core::UsageError(cat("--resume: no file \"", request.resume,
                               "\": wanted auto, never or a last.safetensors"));
  }
  if (from_file) return engine::load_checkpoint(request.resume);
  if (!folder.holds_run()) return std::nullopt;
  if (request.resume != "auto") {
    throw Error(cat("the folder ", folder.path().string(),
                    " holds a run: go on with --resume auto, or choose another with --run"));
  }
  if (!fs::exists(folder.last())) return std::nullopt;  // stopped before its first checkpoint
  return engine::load_checkpoint(folder.last());
}

/// Keys that may differ between the stored and the asked configuration of one run.
bool may_change(const std::string& key) {
  static const std::vector<std::string> keys = {"run.folder",
                                                "run.device",
                                                "run.threads",
                                                "data.root",
                                                "data.images",
                                                "data.cues",
                                                "data.cache",
                                                "data.proposals",
                                                "data.pack",
                                                "data.prefetch",
                                                "data.workers",
                                                "train.log_every",
                                                "train.checkpoint_every",
                                                "eval.samples",
                                                "model.clip.weights",
                                                "loss.calibration.weights"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

void require_same_configuration(const engine::Checkpoint& checkpoint, const config::Config& asked,
                                const std::string& name) {
  const auto stored = config::load_json(checkpoint.config, name, {}).values;
  std::vector<std::string> faults;
  for (const auto& change : config::difference(stored, asked)) {
    if (may_change(change.key)) continue;
    faults.push_back(cat(change.key, " was ", change.left, " and is now ", change.right));
  }
  if (faults.empty()) return;
  throw core::ConfigError(cat("cannot resume ", name, " with another configuration: ",
                              core::join(faults, "; "), "; start a new run with --run"));
}

void load_resumed(TrainingParts& parts, const engine::Checkpoint& checkpoint,
                  const std::string& name) {
  if (checkpoint.optimizer.empty()) {
    throw Error(cat(name, " holds weights alone: resuming needs a last.safetensors"));
  }
  engine::load_state_dict(*parts.model, checkpoint.model, name);
  try {
    parts.trainer->load_state(checkpoint.optimizer);
  } catch (const Error& fault) {
    throw Error(cat(name, ": ", fault.what()));
  }
}

/// What is written once training has ended, by the best checkpoint: results.json and samples/.
void write_results(TrainingParts& parts, const engine::RunFolder& folder) {
  LoadedModel best = load_model(folder.best(), {});
  auto responder = responder_for(best.model, *best.tokenizer, parts.config, best.device);
  const auto& splits = parts.config.eval.splits;
  const auto result =
      evaluate(responder, parts.dataset, parts.config, splits, folder.best().string());
  core::write_file(folder.results(), result.document.dump(2) + "\n");
  engine::write_samples(folder.samples(), parts.dataset, splits.front(), responder,
                        parts.config.eval);
  core::log::info(
      cat("results in ", folder.results().string(), ", pictures in ", folder.samples().string()));
}

/// Whether the splits can be evaluated: weak supervision needs no masks, a comparison does.
bool can_be_evaluated(const data::ReferIndex& index, const std::vector<std::string>& splits) {
  for (const auto& split : splits) {
    const auto without = index.without_mask(split);
    if (without.empty()) continue;
    core::log::warning(cat("the split \"", split, "\" has ", without.size(),
                           " sentences without a mask (the first: sent_id ", without.front(),
                           "): nothing is evaluated, the best checkpoint is the last one"));
    return false;
  }
  return true;
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

void describe(const TrainingParts& parts, const fs::path& run) {
  core::log::info(cat("run ", run.string(), ": ", parts.samples->size(), " samples, ",
                      parts.total_steps(), " steps of ", parts.config.train.batch_size, ", ",
                      count_parameters(*parts.model), " parameters, ",
                      parts.tokenizer->vocabulary_size(), " tokens known, on ",
                      parts.device.str()));
}

/// Trains with all hooks in place, then evaluates. Interrupted by a signal at any point.
void run_hooks(TrainingParts& parts, const engine::RunFolder& folder,
               const engine::Checkpointer& checkpointer, report::RunLog& log,
               engine::TrainState& state) {
  auto& trainer = *parts.trainer;
  const auto& options = parts.config.train;
  const auto validate = [&parts] {
    const engine::AveragedWeights averaged = parts.trainer->averaged_weights();
    auto responder = responder_for(parts.model, *parts.tokenizer, parts.config, parts.device);
    return engine::evaluate(parts.dataset, parts.config.eval.splits.front(), responder,
                            parts.config.eval);
  };
  const bool evaluated = can_be_evaluated(parts.dataset.index(), parts.config.eval.splits);
  auto validation =
      std::make_unique<engine::ValidationHook>(validate, checkpointer, log, options.eval_every);
  if (evaluated) validation->before_training(state);
  trainer.add_hook(
      std::make_unique<engine::ProgressHook>(parts.total_steps(), state.step, options.batch_size));
  trainer.add_hook(std::make_unique<engine::LogHook>(log, options.log_every));
  if (evaluated) trainer.add_hook(std::move(validation));
  trainer.add_hook(
      std::make_unique<engine::CheckpointHook>(checkpointer, options.checkpoint_every));
  const auto loader = parts.loader(state.step);
  if (!trainer.run(*loader, parts.steps_per_epoch(), parts.device, state)) {
    core::throw_if_stopped("training stopped");
  }
  checkpointer.save_last(state);
  if (evaluated) {
    write_results(parts, folder);
  } else {
    checkpointer.save_best(state);
  }
}

/// Trains to the end; the state is saved when a signal stops it, in a step or in an evaluation.
void run_to_end(TrainingParts& parts, const engine::RunFolder& folder,
                const engine::Checkpointer& checkpointer, engine::TrainState& state) {
  report::RunLog log(folder.log(), state.step);
  log.write({{"event", state.step > 0 ? "resume" : "start"}, {"step", state.step}});
  try {
    run_hooks(parts, folder, checkpointer, log, state);
  } catch (const core::Interrupted&) {
    checkpointer.save_last(state);
    log.write({{"event", "stopped"}, {"step", state.step}});
    throw core::Interrupted(
        cat("stopped after step ", state.step, " of ", parts.total_steps(), ", saved in ",
            folder.last().string(), "; go on with --resume auto"),
        core::stop_signal());
  }
  log.write({{"event", "end"}, {"step", state.step}});
  state.finished = true;
  checkpointer.save_last(state);
}

}  // namespace

void train(const TrainingRequest& request) {
  const engine::RunFolder folder(request.run);
  const auto resumed = resume_point(request, folder);
  const std::string source = request.resume == "auto" ? folder.last().string() : request.resume;
  if (resumed) require_same_configuration(*resumed, request.config, source);
  if (resumed && resumed->state.finished) {
    core::log::info(cat("the run ", request.run.string(), " is finished (step ",
                        resumed->state.step, "): nothing to do"));
    return;
  }
  TrainingParts parts(request.config, resumed ? &*resumed : nullptr);
  for (const auto& split : parts.config.eval.splits) {
    (void)parts.dataset.index().split(split);  // a wrong one is found now, not at the end
  }
  engine::TrainState state;
  if (resumed) {
    load_resumed(parts, *resumed, source);
    state = resumed->state;
    if (!fs::exists(folder.best())) {  // resumed from another folder's file: its best is not here
      state.best_point_m = -1;
      state.best_step = -1;
      state.validated_step = -1;
    }
    core::log::info(cat("going on from ", source, ", step ", state.step));
  }
  core::write_file(folder.config(), config::to_yaml(parts.config));
  describe(parts, request.run);
  const engine::Checkpointer checkpointer(folder, *parts.model, *parts.trainer,
                                          config::to_json(parts.config), parts.tokenizer->words());
  run_to_end(parts, folder, checkpointer, state);
  parts.dataset.pictures().report_skipped();
}

ordered_json dry_run(const config::Config& config) {
  TrainingParts parts(config);
  for (const auto& split : config.eval.splits) (void)parts.dataset.index().split(split);
  const auto loader = parts.loader(0);
  const data::Batch batch = loader->next();
  const auto report = parts.trainer->step(engine::to_device(batch, parts.device), 0);
  ordered_json document = {{"samples", parts.samples->size()},
                           {"steps_per_epoch", parts.steps_per_epoch()},
                           {"total_steps", parts.total_steps()},
                           {"vocabulary", parts.tokenizer->vocabulary_size()},
                           {"parameters", count_parameters(*parts.model)},
                           {"images", batch.images.sizes()},
                           {"tokens", batch.tokens.sizes()},
                           {"texts_per_picture", batch.text_index.size(1)},
                           {"loss", {{"total", report.loss}}}};
  for (const auto& [name, value] : report.terms) document["loss"][name] = value;
  document["device"] = parts.device.str();
  document["peak_memory_bytes"] = core::peak_resident_bytes();
  return document;
}

std::string dry_run_text(const ordered_json& document) {
  const auto number = [&](const char* key) { return document.at(key).get<std::int64_t>(); };
  std::string text =
      cat("samples         ", number("samples"), ", ", number("steps_per_epoch"),
          " steps an epoch, ", number("total_steps"), " steps in all\n", "vocabulary      ",
          number("vocabulary"), " tokens\n", "parameters      ", number("parameters"),
          "\nimages          ", document.at("images").dump(), "\ntokens          ",
          document.at("tokens").dump(), "\ntexts a picture ", number("texts_per_picture"), "\n");
  for (const auto& [name, value] : document.at("loss").items()) {
    text += cat("loss            ", name, " ", value.get<double>(), "\n");
  }
  const auto memory = document.at("peak_memory_bytes").get<std::uint64_t>();
  return text + cat("peak memory     ", core::human_bytes(memory), "\n");
}

}  // namespace pcnet::runtime
