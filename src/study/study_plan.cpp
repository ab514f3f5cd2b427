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
      for (const auto& table : study.study.tables) study.runs.push_back(plan_table(table, file));
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

  std::vector<std::vector<std::size_t>> plan_table(const StudyTable& table, const fs::path& file) {
    std::vector<std::vector<std::size_t>> rows;
    for (const auto& row : table.rows) {
      rows.emplace_back();
      const std::string where = cat(file.string(), ": ", table.title, ", ", row.name);
      for (const std::int64_t seed : table.seeds) {
        try {
          rows.back().push_back(plan_row(row, seed));
        } catch (const core::Error& error) {
          faults_.push_back(cat(where, ": ", error.what()));
          break;  // the same fault for every seed
        }
      }
    }
    return rows;
  }

  std::size_t plan_row(const StudyRow& row, std::int64_t seed) {
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
    std::vector<std::string> overrides = asked.set;
    overrides.insert(overrides.end(), request_.overrides.begin(), request_.overrides.end());
    overrides.push_back(cat("run.seed=", seed));
    std::string start_name;
    if (start >= 0) {
      const PlannedRun& before = plan_.runs[static_cast<std::size_t>(start)];
      overrides.push_back(config::assignment("model.clip.weights", before.folder.string()));
      start_name = before.name;
    }
    PlannedRun run;
    run.config = config::load(asked.file, overrides).values;
    run.name = cat(asked.file.stem().string(), "-s", seed, "-",
                   digest(run_identity(run.config, start_name)));
    run.folder = request_.out / "runs" / run.name;
    run.config.run.folder = run.folder.string();
    run.start = start;
    const auto [known, fresh] = index_.try_emplace(run.name, plan_.runs.size());
    if (fresh) plan_.runs.push_back(std::move(run));
    return known->second;
  }

  const StudyRequest& request_;
  StudyPlan plan_;
  std::map<std::string, std::size_t> index_;  // name -> position in plan_.runs
  std::vector<std::string> faults_;
};

}  // namespace

std::string run_identity(const config::Config& config, const std::string& start) {
  const config::Config plain;
  config::Config decisive = config;
  forget_if_unused(decisive.loss.instance_disambiguation);
  forget_if_unused(decisive.loss.kl_divergence);
  if (config.loss.region_aware_shrinking.foreground != config::Foreground::kClipScore) {
    forget_if_unused(decisive.loss.calibration);  // else its weights and picture size count, too
  }
  forget_if_unused(decisive.loss.region_aware_shrinking);
  for (std::string* path :
       {&decisive.data.root, &decisive.data.images, &decisive.data.cues, &decisive.data.proposals,
        &decisive.data.clip_scores, &decisive.data.pack}) {
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
