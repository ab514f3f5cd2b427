#include "resumption.h"

#include <algorithm>
#include <utility>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/whole_checkpoint.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;

namespace {

/// Whether the stored and the asked configuration of one run may differ so: places (the run or its
/// data may have been moved), and what changes no weight.
bool may_change(const config::Difference& change) {
  return change.path || change.affects == config::Affects::kCourse ||
         change.affects == config::Affects::kNothing;
}

std::vector<config::Difference> changes_of(const engine::Checkpoint& checkpoint,
                                           const config::Config& asked, const std::string& name) {
  const auto stored = config::load_json(checkpoint.config, name, {}).values;
  auto changes = config::difference(stored, asked);
  std::erase_if(changes, may_change);
  return changes;
}

[[noreturn]] void refuse(const std::vector<config::Difference>& changes, const std::string& name) {
  std::vector<std::string> faults;
  std::vector<std::string> stored;
  for (const auto& change : changes) {
    faults.push_back(cat(change.key, " was ", change.left, " and is now ", change.right));
    stored.push_back(cat("--set '", change.key, "=", change.left, "'"));
  }
  throw core::ConfigError(cat("cannot resume ", name,
                              " with another configuration: ", core::join(faults, "; "),
                              "; go on as stored with ", core::join(stored, " "),
                              ", take the new values with --resume-anyway, or start a new run with "
                              "--run"));
}

std::optional<Resumption> find_checkpoint_of(const TrainingRequest& request,
                                             const engine::RunFolder& folder) {
  const bool from_file =
      request.resume != "no" && request.resume != "never" && request.resume != "auto";
  if (from_file && !fs::exists(request.resume)) {
    throw core::UsageError(cat("--resume: no file \"", request.resume,
                               "\": wanted auto, never or a last.safetensors"));
  }
  if (from_file) return Resumption{engine::load_checkpoint(request.resume), request.resume, "", {}};
  if (!folder.holds_run()) return std::nullopt;
  if (request.resume != "auto") {
    throw Error(cat("the folder ", folder.path().string(),
                    " holds a run: go on with --resume auto, or choose another with --run"));
  }
  auto newest = engine::load_newest_checkpoint(folder);
  if (!newest) return std::nullopt;  // stopped before its first checkpoint
  return Resumption{std::move(newest->checkpoint), newest->path, newest->damage, {}};
}

/// "threads 2 (the run had 1)" for each that decides how sums are rounded.
std::vector<std::string> rounding_differences(const engine::Checkpoint& checkpoint,
                                              const TrainingParts& parts) {
  std::vector<std::string> differences;
  auto now = engine::environment_of(parts.device);
  now.merge(parts.trainer->environment());
  for (const auto& [name, value] : now) {
    const auto before = checkpoint.environment.find(name);
    if (before == checkpoint.environment.end() || before->second == value) continue;
    differences.push_back(cat(name, " ", value, " (the run had ", before->second, ")"));
  }
  return differences;
}

/// The best checkpoint that the state speaks of must lie in the folder.
bool has_its_best(const Resumption& resumption, const engine::RunFolder& folder) {
  if (!engine::has_whole_best(folder)) return false;
  if (resumption.changes.empty()) return true;  // the steps to come write the same one again
  return engine::load_checkpoint(folder.best()).state.step <= resumption.checkpoint.state.step;
}

/// Places may change, what a run trains on may not.
void require_same_texts(const Resumption& resumption, const TrainingParts& parts) {
  const std::string& before = resumption.checkpoint.state.texts;
  if (before.empty() || before == parts.texts) return;
  const std::string what = cat("the training sentences, their cues or CLIP scores are others (",
                               parts.texts, ") than the run has seen so far (", before, ")");
  if (!resumption.anyway) {
    throw core::ConfigError(
        cat(what,
            ": name the run's own with --root, --cues, --pack or data.clip_scores, take these "
            "with --resume-anyway, or start a new run with --run"));
  }
  core::log::warning(what);
}

/// The frozen CLIP is a part of the loss: its file must still hold what it held.
void require_same_frozen_clip(const Resumption& resumption, const TrainingParts& parts) {
  const std::string& before = resumption.checkpoint.state.frozen_clip;
  if (before.empty() || parts.frozen_clip.empty() || before == parts.frozen_clip) return;
  const std::string what = cat("loss.calibration.weights: ", parts.config.loss.calibration.weights,
                               " holds another frozen CLIP (", parts.frozen_clip,
                               ") than the run has asked so far (", before, ")");
  if (!resumption.anyway) {
    throw core::ConfigError(
        cat(what, ": put the file back, name its copy, or take this one with --resume-anyway"));
  }
  core::log::warning(what);
}

}  // namespace

std::optional<Resumption> find_resumption(const TrainingRequest& request,
                                          const engine::RunFolder& folder) {
  auto found = find_checkpoint_of(request, folder);
  if (!found) return found;
  found->anyway = request.resume_anyway;
  found->changes = changes_of(found->checkpoint, request.config, found->source.string());
  if (!found->changes.empty() && !request.resume_anyway) {
    refuse(found->changes, found->source.string());
  }
  return found;
}

engine::TrainState resume(const Resumption& resumption, TrainingParts& parts,
                          const engine::RunFolder& folder) {
  const auto& checkpoint = resumption.checkpoint;
  const std::string name = resumption.source.string();
  if (checkpoint.optimizer.empty()) {
    throw Error(cat(name, " holds weights alone: resuming needs a last.safetensors"));
  }
  require_same_texts(resumption, parts);
  require_same_frozen_clip(resumption, parts);
  engine::load_state_dict(*parts.model, checkpoint.model, name);
  try {
    parts.trainer->load_state(checkpoint.optimizer);
  } catch (const Error& error) {
    throw Error(cat(name, ": ", error.what()));
  }
  engine::TrainState state = checkpoint.state;
  state.finished = false;
  if (!resumption.changes.empty()) state.stopped_early = false;  // under the old settings
  if (!has_its_best(resumption, folder)) {  // resumed from another folder's file, say
    state.best_score = -1;
    state.best_step = -1;
    state.validated_step = -1;
    state.validations_without_better = 0;
  }
  core::log::info(cat("going on from ", name, ", step ", state.step,
                      parts.config.model.init.empty() ? "" : "; model.init is not read again"));
  const auto differences = rounding_differences(checkpoint, parts);
  if (!differences.empty()) {
    core::log::info(cat("going on with ", core::join(differences, ", "),
                        ": sums are rounded in another order, so that numbers may differ in their "
                        "last digits from those of a run that was not resumed"));
  }
  for (const auto& change : resumption.changes) {
    core::log::warning(cat("from step ", state.step + 1, " on ", change.key, " is ", change.right,
                           " (it was ", change.left, ")"));
  }
  return state;
}

std::vector<ordered_json> events_of(const Resumption& resumption, const TrainingParts& parts) {
  const std::int64_t step = resumption.checkpoint.state.step;
  std::vector<ordered_json> events;
  if (!resumption.damage.empty()) {
    events.push_back({{"event", "fallback"},
                      {"step", step},
                      {"from", resumption.source.filename().string()},
                      {"why", resumption.damage}});
  }
  events.push_back({{"event", "resume"}, {"step", step}});
  const auto differences = rounding_differences(resumption.checkpoint, parts);
  if (!differences.empty()) events.back()["rounding_may_differ"] = differences;
  for (const auto& change : resumption.changes) {
    events.push_back({{"event", "changed"},
                      {"step", step},
                      {"key", change.key},
                      {"was", change.left},
                      {"is", change.right}});
  }
  return events;
}

}  // namespace pcnet::runtime
