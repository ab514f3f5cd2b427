#include "pcnet/runtime/report_making.h"

#include <memory>
#include <set>
#include <utility>

#include "pcnet/config/config.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/version.h"
#include "pcnet/report/html_page.h"
#include "pcnet/report/run_sections.h"
#include "pcnet/runtime/answer_comparison.h"

#include "runtime/published_figures.h"
#include "runtime/report_pictures.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;
using report::html_section;
using report::html_text;
using report::ReportedRun;

namespace {

using Models = std::vector<std::unique_ptr<ReportedModel>>;

/// The values of a configuration by dotted key.
void add_values(const ordered_json& section, const std::string& prefix,
                std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : section.items()) {
    const std::string key = prefix.empty() ? name : cat(prefix, ".", name);
    if (value.is_object()) {
      add_values(value, key, values);
    } else {
      values[key] = value.is_string() ? value.get<std::string>() : core::json_text(value);
    }
  }
}

std::map<std::string, std::string> values_of(const config::Config& config) {
  std::map<std::string, std::string> values;
  add_values(config::to_json(config), "", values);
  return values;
}

void read_configuration(const fs::path& file, ReportedRun& run) {
  const config::ResolvedConfig resolved = config::load(file, {});
  const auto values = values_of(resolved.values);
  const auto defaults = values_of(
      config::load_defaults({cat("model.profile=", resolved.values.model.profile.word())}).values);
  for (const auto& doc : config::documentation()) {
    run.keys.push_back(doc.key);
    run.values.push_back(values.at(doc.key));
    run.defaults.push_back(defaults.at(doc.key));
    run.origins.push_back(resolved.origins.at(doc.key));
  }
}

/// The last part of a run's path, or, where two have the same, the whole.
std::vector<std::string> names_of(const std::vector<fs::path>& runs) {
  std::vector<std::string> names;
  std::set<std::string> distinct;
  for (const auto& run : runs) {
    const fs::path whole = fs::absolute(run).lexically_normal();
    names.push_back((whole.has_filename() ? whole : whole.parent_path()).filename().string());
    distinct.insert(names.back());
  }
  if (distinct.size() == runs.size()) return names;
  for (std::size_t i = 0; i < runs.size(); ++i) names[i] = runs[i].string();
  return names;
}

ReportedRun read_run(const fs::path& folder, const std::string& name) {
  if (!fs::is_regular_file(folder / "config.yaml")) {
    throw core::UsageError(cat("no run in ", folder.string(),
                               ": it has no config.yaml; wanted the "
                               "folder that `pcnet train --run` made"));
  }
  ReportedRun run;
  run.name = name;
  read_configuration(folder / "config.yaml", run);
  if (fs::exists(folder / "log.jsonl")) {
    run.history = report::parse_run_history(core::read_file(folder / "log.jsonl"));
  } else {
    core::log::warning(cat("the run ", folder.string(), " has no log.jsonl: no curves"));
  }
  const fs::path results = folder / "results.json";
  if (!fs::exists(results)) return run;
  try {
    run.results = core::parse_json<ordered_json>(core::read_file(results));
  } catch (const core::Error& error) {
    throw core::Error(cat(results.string(), ": ", error.what()));
  }
  if (!run.results.is_object() || !run.results.contains("splits") ||
      !run.results["splits"].is_object()) {
    throw core::Error(
        cat(results.string(), ": it has no \"splits\": wanted what eval --out writes"));
  }
  return run;
}

std::string text_at(const ordered_json& results, const char* key) {
  if (!results.is_object()) return {};
  const auto protocol = results.find("protocol");
  if (protocol == results.end() || !protocol->is_object()) return {};
  const auto found = protocol->find(key);
  return found != protocol->end() && found->is_string() ? found->get<std::string>() : "";
}

/// Error for runs whose figures, in one table, would be compared though they are of other
/// sentences.
void require_one_dataset(const std::vector<ReportedRun>& runs) {
  const ReportedRun* first = nullptr;
  for (const auto& run : runs) {
    if (run.results.is_null()) continue;
    if (first == nullptr) first = &run;
    for (const char* key : {"dataset", "split_by"}) {
      const std::string a = text_at(first->results, key);
      const std::string b = text_at(run.results, key);
      if (a == b) continue;
      throw core::Error(cat("the runs ", first->name, " and ", run.name, " were evaluated on ", key,
                            " ", a, " and ", b, ": make a report of each"));
    }
  }
}

std::map<std::string, std::vector<report::PublishedLine>> published_for(
    const std::vector<ReportedRun>& runs) {
  std::map<std::string, std::vector<report::PublishedLine>> lines;
  const ordered_json& results = runs.front().results;
  if (results.is_null()) return lines;
  const bool with_segmentor = text_at(results, "segmentor") != "none";
  for (const auto& [split, scores] : results["splits"].items()) {
    for (const auto& row :
         published_figures(text_at(results, "dataset"), text_at(results, "split_by"), split)) {
      // Rows without PointM are those with a segmentor, or the oracle's.
      if (!row.point_m && !with_segmentor) continue;
      std::vector<std::string> miou;
      for (const double figure : row.miou) miou.push_back(core::fixed(figure, 1));
      lines[split].push_back({row.name, row.point_m ? core::fixed(*row.point_m, 1) : "-",
                              miou.empty() ? "-" : core::join(miou, " or ")});
    }
  }
  return lines;
}

/// Takes the figures of the split that is shown from its answers. Returns a note where results.json
/// scores otherwise.
std::string take_figures(const EvaluationResult& result, ReportedRun& run) {
  const ordered_json document = to_json(result);
  if (run.results.is_null()) {
    run.results = document;
    return cat("<p class=\"note\">", html_text(run.name),
               " has no results.json: its figures are those of an evaluation for this page.</p>\n");
  }
  run.results["protocol"] = document["protocol"];
  const std::string& split = result.splits.front().first;
  ordered_json& shown = run.results["splits"][split];
  const ordered_json told = std::exchange(shown, document["splits"][split]);
  std::vector<std::string> differences;
  for (const auto& [key, name] : {std::pair("point_m", "PointM"), std::pair("miou", "mIoU")}) {
    if (!told.is_object() || !told.contains(key) || !told[key].is_number()) continue;
    const std::string now = core::fixed(shown[key].get<double>(), 1);
    const std::string then = core::fixed(told[key].get<double>(), 1);
    if (now != then) differences.push_back(cat(name, " is ", now, " here and ", then));
  }
  if (differences.empty()) return {};
  return cat("<p class=\"warning\">", html_text(run.name), ", split ", html_text(split), ": ",
             core::join(differences, ", "),
             " in results.json, which was measured with other weights or settings.</p>\n");
}

/// The models with their answers.
/// @param notes grows by what there is to say of their figures
Models answer(const ReportRequest& request, const std::string& split,
              std::vector<ReportedRun>& runs, std::string& notes) {
  Models models;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    try {
      models.push_back(std::make_unique<ReportedModel>(request.runs[i], split, request.overrides));
    } catch (const core::Interrupted&) {
      throw;
    } catch (const core::Error& error) {
      throw core::Error(cat("the pictures of ", request.runs[i].string(),
                            " cannot be made: ", error.what(), "; without them: --no-pictures"));
    }
    notes += take_figures(models.back()->result(), runs[i]);
  }
  return models;
}

std::string title_for(const std::string& what, const ReportedRun& run, std::size_t runs) {
  return runs > 1 ? cat(what, ", ", run.name) : what;
}

std::string comparison_section(const ReportRequest& request, const std::vector<ReportedRun>& runs,
                               const Models& models, std::size_t other) {
  constexpr std::int64_t kListed = 10;
  const auto& a = *models.front();
  const auto& b = *models[other];
  require_comparable(a.result().protocol, b.result().protocol);
  const auto comparison =
      report::compare(answers_of(a.result(), runs.front().name),
                      answers_of(b.result(), runs[other].name), std::max(kListed, request.count));
  return html_section(
      cat("comparison", other), cat(runs.front().name, " and ", runs[other].name),
      report::comparison_tables(comparison) + leads_gallery(comparison, a, b, request.count));
}

/// The sections with pictures.
std::vector<std::string> picture_sections(const ReportRequest& request,
                                          const std::vector<ReportedRun>& runs,
                                          const Models& models, const std::string& split) {
  std::vector<std::string> sections;
  if (models.empty()) return sections;
  core::Progress progress("drawing", static_cast<std::int64_t>(3 * models.size() - 1), "parts");
  const auto add = [&](std::string section) {
    sections.push_back(std::move(section));
    progress.update(static_cast<std::int64_t>(sections.size()));
  };
  for (std::size_t i = 1; i < models.size(); ++i) {
    add(comparison_section(request, runs, models, i));
  }
  for (std::size_t i = 0; i < models.size() && request.count > 0; ++i) {
    const std::string note =
        cat("<p class=\"note\">Split ", html_text(split), ". Magenta: the mask that was found; ",
            "green: the ground truth; cross: the peak.</p>\n");
    add(html_section(cat("stages", i), title_for("Stages", runs[i], runs.size()),
                     stages_part(*models[i], request.count, request.seed)));
    add(html_section(cat("answers", i), title_for("Answers", runs[i], runs.size()),
                     note + galleries_part(*models[i], request.count, request.seed)));
  }
  progress.finish();
  return sections;
}

std::string lead_of(const ReportRequest& request, const std::vector<ReportedRun>& runs,
                    const std::string& split) {
  std::string dataset = text_at(runs.front().results, "dataset");
  return cat("<p class=\"note\">pcnet ", core::version(), dataset.empty() ? "" : ", dataset ",
             html_text(dataset),
             request.pictures
                 ? cat(", pictures of split ", html_text(split), ", drawn with seed ", request.seed)
                 : ", without pictures",
             "</p>\n");
}

}  // namespace

std::string make_report(const ReportRequest& request) {
  if (request.runs.empty()) throw core::UsageError("no run: name one or more run folders");
  const auto names = names_of(request.runs);
  std::vector<ReportedRun> runs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    runs.push_back(read_run(request.runs[i], names[i]));
  }
  require_one_dataset(runs);
  std::string split = request.split;
  if (split.empty()) {
    const auto config = config::load(request.runs.front() / "config.yaml", {}).values;
    split = config.eval.splits.empty() ? "val" : config.eval.splits.front();
  }
  Models models;
  std::string notes;
  if (request.pictures) models = answer(request, split, runs, notes);
  std::vector<std::string> sections = {report::results_section(runs, published_for(runs), notes),
                                       report::curves_section(runs)};
  for (auto& section : picture_sections(request, runs, models, split)) {
    sections.push_back(std::move(section));
  }
  sections.push_back(report::configuration_section(runs));
  sections.push_back(report::environment_section(runs));
  return report::html_page(core::join(names, ", "), lead_of(request, runs, split), sections);
}

}  // namespace pcnet::runtime
