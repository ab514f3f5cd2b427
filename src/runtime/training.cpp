#include "pcnet/runtime/training.h"

#include <exception>
#include <vector>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/memory.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/hooks.h"
#include "pcnet/engine/run_folder.h"
#include "pcnet/engine/whole_checkpoint.h"
#include "pcnet/report/run_log.h"
#include "pcnet/report/run_summary.h"
#include "pcnet/runtime/training_parts.h"

#include "memory_estimate.h"
#include "resumption.h"
#include "training_hooks.h"
#include "warm_start.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;

namespace {

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

/// What a new run took from another model; each name that is new or not used with -v.
void tell_start(const ordered_json& start) {
  if (start.is_null()) return;
  core::log::info(warm_start_text(start));
  for (const char* list : {"new", "not_used"}) {
    for (const auto& row : start.at(list)) {
      const auto names = row.at("names").get<std::vector<std::string>>();
      core::log::debug(cat(list, ": ", core::join(names, ", ")));
    }
  }
}

/// Trains with all hooks in place, then evaluates. Interrupted by a signal at any point.
report::RunSummary run_hooks(TrainingParts& parts, const engine::RunFolder& folder,
                             const engine::Checkpointer& checkpointer, report::RunLog& log,
                             engine::TrainState& state) {
  TrainingHooks hooks(parts, folder, checkpointer, log, state);
  const auto loader = parts.loader(state.step);
  if (!parts.trainer->run(*loader, parts.steps_per_epoch(), parts.device, state)) {
    core::throw_if_stopped("training stopped");
  }
  checkpointer.save_last(state);
  return hooks.conclude(state);
}

/// Trains to the end, `begin` are the first events of the log; the state is saved when a signal
/// stops it, in a step or in an evaluation.
void run_to_end(TrainingParts& parts, const engine::RunFolder& folder,
                const engine::Checkpointer& checkpointer, const std::vector<ordered_json>& begin,
                engine::TrainState& state) {
  report::RunLog log(folder.log(), state.step);
  for (const auto& event : begin) log.write(event);
  report::RunSummary summary;
  try {
    summary = run_hooks(parts, folder, checkpointer, log, state);
  } catch (const core::Interrupted&) {
    checkpointer.save_last(state);
    log.write({{"event", "stopped"}, {"step", state.step}});
    throw core::Interrupted(
        cat("stopped after step ", state.step, " of ", parts.total_steps(), ", saved in ",
            folder.last().string(), "; go on with --resume auto"),
        core::stop_signal());
  }
  log.write(report::to_json(summary));
  state.finished = true;
  checkpointer.save_last(state);
  core::log::info(report::to_text(summary));
}

}  // namespace

void train(const TrainingRequest& asked) {
  TrainingRequest request = asked;
  request.config.run.folder = request.run.string();
  request.config = config::with_absolute_paths(request.config);
  const engine::RunFolder folder(request.run);
  auto resumed = find_resumption(request, folder);
  if (resumed && resumed->is_finished()) {
    core::log::info(cat("the run ", request.run.string(), " is finished (step ",
                        resumed->checkpoint.state.step, "): nothing to do"));
    return;
  }
  TrainingParts parts(request.config, resumed ? &resumed->checkpoint : nullptr);
  require_splits(parts.dataset.index(), parts.config.eval.splits);  // now, not at the end
  engine::TrainState state;
  std::vector<ordered_json> begin = {{{"event", "start"}, {"step", 0}}};
  if (!parts.started_from.is_null()) {
    begin.push_back({{"event", "warm_start"}, {"step", 0}});
    begin.back().update(parts.started_from);
  }
  if (resumed) {
    state = resume(*resumed, parts, folder);
    begin = events_of(*resumed, parts.device);
    if (!resumed->damage.empty()) engine::put_previous_first(folder);
    resumed.reset();  // its mapped file would keep its place on the disk after it was replaced
  }
  state.texts = parts.texts;
  state.frozen_clip = parts.frozen_clip;
  core::write_file(folder.config(), config::to_yaml(parts.config));
  tell_start(parts.started_from);
  describe(parts, request.run);
  const engine::Checkpointer checkpointer(folder, *parts.model, *parts.trainer,
                                          config::to_json(parts.config), parts.tokenizer->words());
  try {
    run_to_end(parts, folder, checkpointer, begin, state);
  } catch (const std::exception& error) {
    if (!core::is_out_of_memory(error)) throw;
    throw Error(out_of_memory_line(parts, error, state.step));
  }
  parts.dataset.pictures().report_skipped();
}

}  // namespace pcnet::runtime
