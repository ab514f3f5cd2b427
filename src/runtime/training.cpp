#include "pcnet/runtime/training.h"

#include <exception>
#include <memory>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/version.h>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/machine.h"
#include "pcnet/core/memory.h"
#include "pcnet/core/signals.h"
#include "pcnet/core/version.h"
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

/// With what and where the steps after a start are done.
ordered_json environment(const TrainingParts& parts) {
  const core::ProcessorInfo processor = core::processor_info();
  return {{"pcnet", core::version()},        {"torch", TORCH_VERSION},
          {"device", parts.device.str()},    {"processor", processor.model},
          {"cores", processor.usable_cores}, {"threads", at::get_num_threads()},
          {"processes", parts.team->size()}};
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

bool all_finite(const torch::nn::Module& module) {
  for (const auto& [name, tensor] : engine::state_dict(module)) {
    if (tensor.is_floating_point() && !tensor.isfinite().all().item<bool>()) return false;
  }
  return true;
}

engine::Checkpointer make_checkpointer(const engine::RunFolder& folder, TrainingParts& parts) {
  return {folder, *parts.model, *parts.trainer, config::to_json(parts.config),
          parts.tokenizer->words()};
}

/// Something went wrong, here or in another process: what was trained so far is not lost. What
/// cannot be written is not said: the fault itself is told.
void save_after(const std::exception& fault, TrainingParts& parts, const engine::RunFolder& folder,
                const engine::Checkpointer& checkpointer, const engine::TrainState& state) {
  if (!parts.trainer->is_between_steps() || state.step == 0) return;
  if (state.step == checkpointer.saved_step()) return;  // it is there already
  if (!all_finite(*parts.model)) return;                // nothing could go on from them
  const auto* peer = dynamic_cast<const core::PeerFailure*>(&fault);
  const bool takes_over = peer != nullptr && peer->takes_over();
  if (!folder.writes() && !takes_over) return;
  try {
    if (takes_over) {
      const engine::RunFolder own(folder.path());
      make_checkpointer(own, parts).save_last(state);
    } else {
      checkpointer.save_last(state);
    }
    report::RunLog(folder.log(), state.step)
        .write({{"event", "failed"}, {"step", state.step}, {"why", fault.what()}});
    core::log::info(cat("step ", state.step, " of ", parts.total_steps(),
                        " is saved; go on with --resume auto"));
  } catch (const std::exception& unsaved) {
    core::log::debug(unsaved.what());
  }
}

/// Trains to the end, `begin` are the first events of the log; the state is saved when a signal
/// stops it, in a step or in an evaluation.
void run_to_end(TrainingParts& parts, const engine::RunFolder& folder,
                const engine::Checkpointer& checkpointer, const std::vector<ordered_json>& begin,
                engine::TrainState& state) {
  report::RunLog log =
      folder.writes() ? report::RunLog(folder.log(), state.step) : report::RunLog();
  for (const auto& event : begin) log.write(event);
  report::RunSummary summary;
  try {
    summary = run_hooks(parts, folder, checkpointer, log, state);
  } catch (const core::Interrupted&) {
    if (!parts.trainer->is_between_steps()) throw;  // by another process, in the midst of a step
    checkpointer.save_last(state);
    log.write({{"event", "stopped"}, {"step", state.step}});
    throw core::Interrupted(
        cat("stopped after step ", state.step, " of ", parts.total_steps(), ", saved in ",
            folder.last().string(), "; go on with --resume auto"),
        core::stop_signal());
  } catch (const std::exception& fault) {
    save_after(fault, parts, folder, checkpointer, state);
    throw;
  }
  log.write(report::to_json(summary));
  state.finished = true;
  checkpointer.save_last(state);
  core::log::info(report::to_text(summary));
}

/// Process 0 opens the folder, and has it for itself before the others look into it.
std::unique_ptr<engine::RunFolder> open_folder(const fs::path& path, core::Communicator& hosts) {
  std::unique_ptr<engine::RunFolder> folder;
  if (hosts.leads()) folder = std::make_unique<engine::RunFolder>(path);
  hosts.barrier();
  if (!folder) folder = engine::RunFolder::of_leader(path);
  if (hosts.any(!fs::exists(folder->path()))) {
    throw Error(cat("the run folder ", fs::absolute(path).string(),
                    " is not there for all processes: their machines must share it"));
  }
  return folder;
}

}  // namespace

void train(const TrainingRequest& asked) {
  TrainingRequest request = asked;
  request.config.run.folder = request.run.string();
  request.config = config::with_absolute_paths(request.config);
  const auto hosts = distributed::communicator_for(request.team, c10::kCPU);
  const auto opened = open_folder(request.run, *hosts);
  const engine::RunFolder& folder = *opened;
  auto resumed = find_resumption(request, folder);
  if (resumed && resumed->is_finished()) {
    core::log::info(cat("the run ", request.run.string(), " is finished (step ",
                        resumed->checkpoint.state.step, "): nothing to do"));
    return;
  }
  TrainingParts parts(request.config, resumed ? &resumed->checkpoint : nullptr, request.team);
  require_splits(parts.dataset.index(), parts.config.eval.splits);  // now, not at the end
  engine::TrainState state;
  std::vector<ordered_json> begin = {{{"event", "start"}, {"step", 0}}};
  if (!parts.started_from.is_null()) {
    begin.push_back({{"event", "warm_start"}, {"step", 0}});
    begin.back().update(parts.started_from);
  }
  if (resumed) {
    state = resume(*resumed, parts, folder);
    begin = events_of(*resumed, parts);
    hosts->barrier();  // all have read it
    if (!resumed->damage.empty() && folder.writes()) engine::put_previous_first(folder);
    resumed.reset();  // its mapped file would keep its place on the disk after it was replaced
  }
  for (auto& event : begin) {
    if (event["event"] != "start" && event["event"] != "resume") continue;
    event["environment"] = environment(parts);
  }
  state.texts = parts.texts;
  state.frozen_clip = parts.frozen_clip;
  parts.trainer->share_weights();
  if (folder.writes()) core::write_file(folder.config(), config::to_yaml(parts.config));
  tell_start(parts.started_from);
  describe(parts, request.run);
  const engine::Checkpointer checkpointer = make_checkpointer(folder, parts);
  try {
    run_to_end(parts, folder, checkpointer, begin, state);
  } catch (const std::exception& error) {
    // What would fit is measured in steps, which a team would have to take together.
    if (!core::is_out_of_memory(error) || !parts.team->is_alone()) throw;
    throw Error(out_of_memory_line(parts, error, state.step));
  }
  parts.dataset.pictures().report_skipped(parts.team.get());
}

}  // namespace pcnet::runtime
