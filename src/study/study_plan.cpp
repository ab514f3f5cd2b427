#include "study_plan.h"

#include <algorithm>
#include <iomanip>
#include <set>
#include <sstream>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::study {

namespace fs = std::filesystem;
using core::cat;

namespace {

constexpr const char* kNoSam =
    "it asks Segment Anything: name its weights with --set eval.sam.weights=FILE";

/// FNV-1a, 64 bits, as 16 digits: short enough for a folder's name.
std::string digest(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char letter : text) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 0x100000001b3U;
  }
  std::ostringstream out;
  out << std::hex << std::setw(16) << std::setfill('0') << hash;
  return out.str();
}

bool reads_proposals(const config::Config& config) {
  const config::LossOptions& loss = config.loss;
  return loss.region_aware_shrinking.weight > 0 || loss.instance_disambiguation.weight > 0 ||
         loss.kl_divergence.weight > 0 || needs_proposals(config.eval.segmentor) ||
         config::chooses_proposals(config.eval.method);
}

/// What no answer depends on.
void forget_unused(config::EvalOptions& eval) {
  const config::EvalOptions plain;
  if (!needs_sam(eval.segmentor)) eval.sam = plain.sam;
  if (eval.segmentor != config::Segmentor::kProposal) eval.proposal_tie = plain.proposal_tie;
  if (eval.method != config::EvalMethod::kClipGlobalLocal) eval.global_weight = plain.global_weight;
}

bool answers_by_model(const config::Config& config) {
  return config.eval.method == config::EvalMethod::kModel;
}

/// A term without weight is not computed, whatever its options are.
template <class Options>
void forget_if_unused(Options& options) {
  if (options.weight <= 0) options = Options{.weight = options.weight};
}

std::string absolute(const std::string& path) {
  const bool is_place = !path.empty() && path != config::kCuesByRules;
  return is_place ? fs::weakly_canonical(path).string() : path;
}

class Planner {
 public:
  explicit Planner(const StudyRequest& request) : request_(request) {}

  StudyPlan plan() {
    std::set<fs::path> folders;
    for (const auto& file : request_.files) {
      PlannedStudy study{read(file), file, request_.out / file.stem(), {}};
      if (!folders.insert(study.folder).second) {
        throw core::UsageError(cat("two studies are called ", file.stem().string(),
                                   ": both would be written into ", study.folder.string()));
      }
      for (const auto& table : study.study.tables) study.rows.push_back(plan_table(table, file));
      plan_.studies.push_back(std::move(study));
    }
    if (!faults_.empty()) throw core::ConfigError(core::join(faults_, "\n"));
    return std::move(plan_);
  }

 private:
  Study read(const fs::path& file) const {
    Study study = read_study(file);
    for (auto& table : study.tables) {
      if (!request_.seeds.empty()) table.seeds = request_.seeds;
      for (auto& row : table.rows) {
        if (!request_.split.empty()) row.split = request_.split;
      }
    }
    return study;
  }

  std::vector<PlannedRow> plan_table(const StudyTable& table, const fs::path& file) {
    std::vector<PlannedRow> rows;
    for (const auto& row : table.rows) {
      try {
        rows.push_back(plan_row(row, table.seeds));
      } catch (const core::Error& error) {  // the same fault for every seed
        faults_.push_back(
            cat(file.string(), ": ", table.title, ", ", row.name, ": ", error.what()));
      }
    }
    return rows;
  }

  PlannedRow plan_row(const StudyRow& row, const std::vector<std::int64_t>& seeds) {
    if (row.published) return {};
    if (lacks_sam(row.config)) return {.runs = {}, .skipped = kNoSam};
    PlannedRow planned;
    for (const std::int64_t seed : seeds) planned.runs.push_back(plan_run(row, seed));
    return planned;
  }

  std::size_t plan_run(const StudyRow& row, std::int64_t seed) {
    std::ptrdiff_t start = -1;
    if (row.start) start = static_cast<std::ptrdiff_t>(planned(*row.start, seed, -1));
    const std::size_t run = planned(row.config, seed, start);
    const config::Config& config = plan_.runs[run].config;
    const auto& splits = config.eval.splits;
    if (std::find(splits.begin(), splits.end(), row.split) == splits.end()) {
      throw core::ConfigError(cat("its split \"", row.split, "\" is not evaluated: eval.splits is ",
                                  core::join(splits, ", ")));
    }
    const std::int64_t stages = config::answering_stages(config.model);
    if (row.stage >= stages) {
      throw core::ConfigError(cat("there is no stage ", row.stage, ": it has ", stages));
    }
    return run;
  }

  std::size_t planned(const StudyConfig& asked, std::int64_t seed, std::ptrdiff_t start) {
    std::vector<std::string> last = {cat("run.seed=", seed)};
    std::string start_name;
    if (start >= 0) {
      const PlannedRun& before = plan_.runs[static_cast<std::size_t>(start)];
      last.push_back(config::assignment("model.clip.weights", before.folder.string()));
      start_name = before.name;
    }
    config::Config config = loaded(asked, last);
    forget_unused(config.eval);
    const std::string name = cat(asked.file.stem().string(), "-s", seed, "-");
    if (!answers_by_model(config)) return add(evaluation(name, config, start, start_name));
    const config::Config model = config::with_default_answers(config);
    const std::size_t trained = add(training(name, model, start, start_name));
    if (config::difference(model, config).empty()) return trained;
    return add(
        evaluation(name, config, static_cast<std::ptrdiff_t>(trained), plan_.runs[trained].name));
  }

  PlannedRun training(const std::string& name, const config::Config& config, std::ptrdiff_t start,
                      const std::string& start_name) const {
    PlannedRun run = begun(name, config, start, start_name);
    run.words = {"train", beside(run, ".yaml").string(), "--run", run.folder.string(), "--resume",
                 "auto"};
    return run;
  }

  PlannedRun evaluation(const std::string& name, const config::Config& config, std::ptrdiff_t model,
                        const std::string& model_name) const {
    PlannedRun run = begun(name, config, model, model_name);
    run.words = {"eval", "--out", (run.folder / "results.json").string()};
    const auto set = [&](const std::string& assignment) {
      run.words.insert(run.words.end(), {"--set", assignment});
    };
    if (answers_by_model(config)) {
      run.words.push_back(plan_.runs[static_cast<std::size_t>(model)].folder.string());
    } else {
      set(config::assignment("model.clip.weights", config.model.clip.weights));
    }
    for (const auto& change : config::difference(config::Config{}, config)) {
      const bool asked = change.key.starts_with("data.") || change.key.starts_with("eval.") ||
                         change.key.starts_with("run.");  // the rest is the model's
      if (asked && change.key != "run.folder") set(cat(change.key, "=", change.right));
    }
    return run;
  }

  PlannedRun begun(const std::string& name, const config::Config& config, std::ptrdiff_t start,
                   const std::string& start_name) const {
    PlannedRun run;
    run.config = config;
    run.name = name + digest(run_identity(config, start_name));
    run.folder = request_.out / "runs" / run.name;
    run.config.run.folder = run.folder.string();
    run.start = start;
    return run;
  }

  std::size_t add(PlannedRun run) {
    const auto [known, fresh] = index_.try_emplace(run.name, plan_.runs.size());
    if (fresh) plan_.runs.push_back(std::move(run));
    return known->second;
  }

  /// Whether it asks a Segment Anything that nobody named.
  bool lacks_sam(const StudyConfig& asked) const {
    return loaded(asked, {"eval.segmentor=none"}).eval.sam.weights.empty() &&
           needs_sam(loaded(asked, {"eval.sam.weights=unknown"}).eval.segmentor);
  }

  /// With the call's overrides on top of the study's, and these on top of all.
  config::Config loaded(const StudyConfig& asked, const std::vector<std::string>& last) const {
    std::vector<std::string> overrides = asked.set;
    overrides.insert(overrides.end(), request_.overrides.begin(), request_.overrides.end());
    overrides.insert(overrides.end(), last.begin(), last.end());
    return config::load(asked.file, overrides).values;
  }

  const StudyRequest& request_;
  StudyPlan plan_;
  std::map<std::string, std::size_t> index_;  // name -> position in plan_.runs
  std::vector<std::string> faults_;
};

}  // namespace

fs::path beside(const PlannedRun& run, const char* ending) {
  fs::path path = run.folder;
  return path += ending;
}

std::string run_identity(const config::Config& config, const std::string& start) {
  const config::Config plain;
  config::Config decisive = config;
  forget_if_unused(decisive.loss.instance_disambiguation);
  forget_if_unused(decisive.loss.kl_divergence);
  if (config.loss.region_aware_shrinking.foreground != config::Foreground::kClipScore) {
    forget_if_unused(decisive.loss.calibration);  // else its weights and picture size count, too
  }
  forget_if_unused(decisive.loss.region_aware_shrinking);
  if (!reads_proposals(config)) decisive.data.proposals.clear();
  if (!answers_by_model(config)) {  // nothing is trained
    decisive.loss = plain.loss;
    decisive.train = plain.train;
    decisive.model = plain.model;
  }
  for (std::string* path :
       {&decisive.data.root, &decisive.data.images, &decisive.data.cues, &decisive.data.proposals,
        &decisive.data.clip_scores, &decisive.data.pack, &decisive.eval.sam.weights}) {
    *path = absolute(*path);
  }
  decisive.model.init = absolute(config.model.init);
  decisive.model.clip.weights =
      start.empty() ? absolute(config.model.clip.weights) : cat("run ", start);
  // A key that is new in a later version, with a default that changes nothing, changes no identity.
  std::string text;
  for (const auto& change : config::difference(plain, decisive)) {
    if (change.affects == config::Affects::kArithmetic ||
        change.affects == config::Affects::kNothing) {
      continue;
    }
    text += cat(change.key, "=", change.right, "\n");
  }
  return text;
}

StudyPlan plan_studies(const StudyRequest& request) { return Planner(request).plan(); }

}  // namespace pcnet::study
