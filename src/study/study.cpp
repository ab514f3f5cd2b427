#include "pcnet/study/study.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "pcnet/core/child_process.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/machine.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/run_folder.h"

#include "study_plan.h"

namespace pcnet::study {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

constexpr auto kPause = std::chrono::milliseconds(100);  // between two looks at the processes

/// What is known of a planned run.
struct RunState {
  std::string state = "to do";
  std::string reason;
  ordered_json results;  // results.json, when done
};

/// The last error that a run's log tells.
std::string reason_of(const fs::path& log, int exit_code) {
  const std::string prefix = "pcnet: error: ";
  const std::string text = core::read_file(log);
  const std::size_t at = text.rfind(prefix);
  if (at == std::string::npos) return cat("exit code ", exit_code, ", see ", log.string());
  const std::size_t begin = at + prefix.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// results.json of a finished run; nothing while there is none.
ordered_json results_of(const PlannedRun& run) {
  const fs::path path = run.folder / "results.json";
  if (!fs::exists(path)) return {};
  try {
    return core::parse_json<ordered_json>(core::read_file(path));
  } catch (const core::Error&) {
    throw core::Error(cat(path.string(), " is no JSON: remove the folder ", run.folder.string(),
                          " to train this run again"));
  }
}

/// The number at a dotted path whose parts may hold points themselves, as "precision.0.5".
std::optional<double> number_at(const ordered_json& node, const std::string& path) {
  if (!node.is_object()) return std::nullopt;
  if (const auto found = node.find(path); found != node.end()) {
    if (found->is_number()) return found->get<double>();
    return std::nullopt;
  }
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
    const auto found = node.find(path.substr(0, dot));
    if (found != node.end()) return number_at(*found, path.substr(dot + 1));
  }
  return std::nullopt;
}

/// The numbers of a split, or of one of its stages.
const ordered_json& scored_part(const ordered_json& results, const StudyRow& row) {
  const ordered_json& split = results.at("splits").at(row.split);
  if (row.stage < 0) return split;
  return split.at("stages").at(static_cast<std::size_t>(row.stage));
}

StudyRun run_of(const StudyTable& table, const StudyRow& row, const PlannedRun& run,
                const RunState& state) {
  StudyRun shown;
  shown.seed = run.config.run.seed;
  shown.folder = run.folder.string();
  shown.state = state.state;
  shown.reason = state.reason;
  if (state.state != "done") return shown;
  const ordered_json& part = scored_part(state.results, row);
  for (const auto& metric : table.metrics) {
    if (const auto value = number_at(part, metric)) shown.figures[metric] = *value;
  }
  if (shown.figures.empty()) {
    throw core::ConfigError(cat(run.folder.string(), ": results.json has none of the metrics ",
                                core::join(table.metrics, ", "), " for the row ", row.name));
  }
  return shown;
}

/// Does the planned runs, several at once, and keeps the tables up to date.
class StudyRunner {
 public:
  StudyRunner(const StudyRequest& request, StudyPlan plan)
      : request_(request), plan_(std::move(plan)), states_(plan_.runs.size()) {
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) look(i);
  }

  void train_all() {
    core::ensure_writable_folder(request_.out / "runs");
    const core::FileLock lock(request_.out / ".lock");
    write_tables();
    core::Progress progress("study", total(), "runs", count("done"));
    try {
      while (step()) {
        progress.update(count("done") + count("failed"), running_names());
        std::this_thread::sleep_for(kPause);
      }
    } catch (...) {
      stop_all();
      throw;
    }
    progress.update(count("done") + count("failed"));
    progress.finish();
  }

  StudyOutcome outcome() const {
    StudyOutcome outcome;
    for (const auto& study : plan_.studies) outcome.studies.push_back(report_of(study));
    outcome.done = count("done");
    outcome.failed = count("failed");
    outcome.to_do = total() - outcome.done - outcome.failed;
    return outcome;
  }

 private:
  struct Job {
    std::size_t run;
    std::unique_ptr<core::ChildProcess> process;
  };

  std::int64_t total() const { return static_cast<std::int64_t>(plan_.runs.size()); }

  std::int64_t count(const char* state) const {
    return std::count_if(states_.begin(), states_.end(),
                         [&](const RunState& run) { return run.state == state; });
  }

  void look(std::size_t run) {
    states_[run].results = results_of(plan_.runs[run]);
    if (!states_[run].results.is_null()) states_[run].state = "done";
  }

  /// Ends what has ended and begins what can begin. False when nothing is left.
  bool step() {
    if (core::stop_signal() != 0) stop_now();
    const auto ended = std::stable_partition(jobs_.begin(), jobs_.end(), [](const Job& job) {
      return !job.process->exit_code().has_value();
    });
    const bool changed = ended != jobs_.end();
    for (auto job = ended; job != jobs_.end(); ++job) finish(*job);
    jobs_.erase(ended, jobs_.end());
    if (changed) write_tables();
    while (static_cast<std::int64_t>(jobs_.size()) < request_.jobs && begin_next()) {
    }
    return !jobs_.empty();
  }

  void finish(const Job& job) {
    const PlannedRun& run = plan_.runs[job.run];
    const int code = *job.process->exit_code();
    look(job.run);
    if (code == 0 && states_[job.run].state == "done") return;
    fail(job.run, reason_of(beside(run, ".log"), code));
    core::log::warning(cat("the run ", run.name, " failed: ", states_[job.run].reason));
  }

  void fail(std::size_t run, const std::string& reason) {
    states_[run].state = "failed";
    states_[run].reason = reason;
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
      if (plan_.runs[i].start == static_cast<std::ptrdiff_t>(run) && states_[i].state != "done") {
        const char* what = plan_.runs[i].words.front() == "eval" ? "its model " : "its start ";
        fail(i, cat(what, plan_.runs[run].name, " failed: ", reason));
      }
    }
  }

  bool can_begin(std::size_t run) const {
    if (states_[run].state != "to do") return false;
    const auto begun = [&](const Job& job) { return job.run == run; };
    if (std::any_of(jobs_.begin(), jobs_.end(), begun)) return false;
    const std::ptrdiff_t start = plan_.runs[run].start;
    return start < 0 || states_[static_cast<std::size_t>(start)].state == "done";
  }

  bool begin_next() {
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
      if (!can_begin(i)) continue;
      const PlannedRun& run = plan_.runs[i];
      core::write_file(beside(run, ".yaml"), config::to_yaml(run.config));
      fs::remove(beside(run, ".log"));
      fs::create_directories(run.folder);
      jobs_.push_back({i, std::make_unique<core::ChildProcess>(request_.program, run.words,
                                                               beside(run, ".log"))});
      return true;
    }
    return false;
  }

  std::string running_names() const {
    std::vector<std::string> names;
    for (const auto& job : jobs_) names.push_back(plan_.runs[job.run].name);
    return core::join(names, ", ");
  }

  /// The runs save and leave; the tables stay as they are.
  [[noreturn]] void stop_now() {
    stop_all();
    throw core::Interrupted(cat("study stopped: ", count("done"), " of ", total(),
                                " runs are done, the others were saved; go on with the same "
                                "command"),
                            core::stop_signal());
  }

  void stop_all() {
    for (const auto& job : jobs_) job.process->stop();
    jobs_.clear();  // waits for each
  }

  StudyReport report_of(const PlannedStudy& planned) const {
    StudyReport study{planned.file, planned.folder, planned.study.title, {}};
    for (std::size_t t = 0; t < planned.study.tables.size(); ++t) {
      const StudyTable& table = planned.study.tables[t];
      StudyResults results{table.title, table.note, table.metrics, table.baseline, {}};
      for (std::size_t r = 0; r < table.rows.size(); ++r) {
        const StudyRow& row = table.rows[r];
        const PlannedRow& needed = planned.rows[t][r];
        StudyLine line{row.name, {}, row.paper, row.published, needed.skipped};
        for (const std::size_t run : needed.runs) {
          line.runs.push_back(run_of(table, row, plan_.runs[run], states_[run]));
        }
        results.lines.push_back(std::move(line));
      }
      study.tables.push_back(std::move(results));
    }
    return study;
  }

  void write_tables() const {
    for (const auto& planned : plan_.studies) {
      const StudyReport study = report_of(planned);
      core::ensure_writable_folder(study.folder);
      core::write_file(study.folder / "study.md", to_markdown(study));
      core::write_file(study.folder / "study.csv", to_csv(study.tables));
      core::write_file(study.folder / "study.json",
                       core::json_text(to_json(study), {.indent = 2}) + "\n");
    }
  }

  const StudyRequest& request_;
  StudyPlan plan_;
  std::vector<RunState> states_;
  std::vector<Job> jobs_;
};

/// Runs at once share the processor, unless somebody has said how.
StudyRequest with_threads(StudyRequest request) {
  if (request.jobs == 1) return request;
  const auto tells_threads = [](const std::string& text) {
    return text.rfind("run.threads=", 0) == 0;
  };
  const auto& set = request.overrides;
  if (std::any_of(set.begin(), set.end(), tells_threads)) return request;
  const std::int64_t threads = core::usable_threads(0);
  request.overrides.push_back(
      cat("run.threads=", std::max<std::int64_t>(1, threads / request.jobs)));
  return request;
}

}  // namespace

StudyOutcome run_studies(const StudyRequest& request) {
  const StudyRequest asked = with_threads(request);
  StudyRunner runner(asked, plan_studies(asked));
  if (!asked.dry_run) runner.train_all();
  return runner.outcome();
}

std::string to_markdown(const StudyReport& study) {
  std::string text = cat("# ", study.title, "\n");
  for (const auto& table : study.tables) text += "\n" + to_markdown(table);
  return text;
}

ordered_json to_json(const StudyReport& study) {
  ordered_json document = {
      {"title", study.title}, {"file", study.file.string()}, {"tables", ordered_json::array()}};
  for (const auto& table : study.tables) {
    document["tables"].push_back(to_json(table));
  }
  return document;
}

}  // namespace pcnet::study
