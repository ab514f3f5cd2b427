#include <algorithm>
#include <optional>
#include <set>

#include "pcnet/core/format.h"
#include "pcnet/report/html_page.h"
#include "pcnet/report/run_sections.h"
#include "pcnet/report/svg_chart.h"

namespace pcnet::report {

using core::cat;
using core::fixed;
using nlohmann::ordered_json;

namespace {

/// A number at a path of a document; nothing where there is none, as in files of older versions.
const ordered_json* at_path(const ordered_json& document, const std::vector<std::string>& path) {
  const ordered_json* at = &document;
  for (const auto& key : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string number_text(const ordered_json* value) {
  return value != nullptr && value->is_number() ? fixed(value->get<double>(), 1) : "-";
}

/// "78.2 [76.2, 80.3]"
std::string figure_text(const ordered_json& scores, const char* name) {
  std::string text = number_text(at_path(scores, {name}));
  const ordered_json* interval = at_path(scores, {"intervals", name});
  if (interval != nullptr && interval->is_array() && interval->size() == 2) {
    text += cat(" [", number_text(&interval->at(0)), ", ", number_text(&interval->at(1)), "]");
  }
  return text;
}

HtmlTable::Row scores_row(const std::string& name, const ordered_json& scores,
                          const std::string& css_class = "") {
  const ordered_json* sentences = at_path(scores, {"sentences"});
  return {
      {name,
       sentences != nullptr && sentences->is_number_integer() ? cat(sentences->get<std::int64_t>())
                                                              : "-",
       figure_text(scores, "point_m"), figure_text(scores, "miou"), figure_text(scores, "oiou"),
       number_text(at_path(scores, {"precision", "0.5"}))},
      css_class};
}

const ordered_json& splits_of_results(const ReportedRun& run) {
  static const ordered_json kNone = ordered_json::object();
  const ordered_json* splits = at_path(run.results, {"splits"});
  return splits != nullptr && splits->is_object() ? *splits : kNone;
}

/// The names of all runs' splits, in the order in which they come.
std::vector<std::string> split_names(const std::vector<ReportedRun>& runs) {
  std::vector<std::string> names;
  for (const auto& run : runs) {
    for (const auto& [split, scores] : splits_of_results(run).items()) {
      if (std::find(names.begin(), names.end(), split) == names.end()) names.push_back(split);
    }
  }
  return names;
}

std::string scores_table(const std::vector<ReportedRun>& runs, const std::string& split) {
  HtmlTable table{.caption = cat("Split ", split, ": percent, with 95 % intervals over images"),
                  .header = {"", "sentences", "PointM", "mIoU", "oIoU", "Prec@0.5"},
                  .rows = {}};
  for (const auto& run : runs) {
    const ordered_json* scores = at_path(run.results, {"splits", split});
    if (scores == nullptr) continue;
    table.rows.push_back(scores_row(run.name, *scores));
    const ordered_json* stages = at_path(*scores, {"stages"});
    if (stages == nullptr || !stages->is_array() || stages->size() < 2) continue;
    for (std::size_t n = 0; n < stages->size(); ++n) {
      table.rows.push_back(scores_row(cat("stage ", n), stages->at(n), "part"));
    }
  }
  return html_table(table);
}

/// The kinds of sentence of a split, over all runs.
std::set<std::string> kinds_of(const std::vector<ReportedRun>& runs, const std::string& split) {
  std::set<std::string> kinds;
  for (const auto& run : runs) {
    const ordered_json* own = at_path(run.results, {"splits", split, "kinds"});
    if (own == nullptr || !own->is_object()) continue;
    for (const auto& [kind, scores] : own->items()) kinds.insert(kind);
  }
  return kinds;
}

std::optional<IntervalRow::Entry> entry_of(const ordered_json* scores) {
  const ordered_json* value = scores == nullptr ? nullptr : at_path(*scores, {"point_m"});
  if (value == nullptr || !value->is_number()) return std::nullopt;
  IntervalRow::Entry entry;
  entry.value = entry.low = entry.high = value->get<double>();
  const ordered_json* interval = at_path(*scores, {"intervals", "point_m"});
  if (interval != nullptr && interval->is_array() && interval->size() == 2 &&
      interval->at(0).is_number() && interval->at(1).is_number()) {
    entry.low = interval->at(0).get<double>();
    entry.high = interval->at(1).get<double>();
  }
  return entry;
}

std::string kinds_part(const std::vector<ReportedRun>& runs, const std::string& split) {
  HtmlTable table{.caption = cat("By kind of sentence, split ", split),
                  .header = {"", "sentences", "PointM", "mIoU", "oIoU", "Prec@0.5"},
                  .rows = {}};
  std::vector<IntervalRow> chart;
  for (const auto& kind : kinds_of(runs, split)) {
    chart.push_back({kind, {}});
    for (const auto& run : runs) {
      const ordered_json* scores = at_path(run.results, {"splits", split, "kinds", kind});
      chart.back().entries.push_back(entry_of(scores));
      if (scores == nullptr) continue;
      table.rows.push_back(scores_row(runs.size() > 1 ? cat(kind, ", ", run.name) : kind, *scores));
    }
  }
  if (table.rows.empty()) return {};
  const std::string title = cat("PointM by kind of sentence, split ", split);
  return cat("<h3>", html_text(title), "</h3>\n<div class=\"charts\"><figure>", legend(runs),
             interval_chart(title, chart), "</figure></div>\n", html_table(table));
}

std::string published_table(const std::vector<ReportedRun>& runs, const std::string& split,
                            const std::vector<PublishedLine>& published) {
  HtmlTable table{.caption = cat("Split ", split, " beside the figures that were published"),
                  .header = {"", "PointM", "mIoU"},
                  .rows = {}};
  for (const auto& run : runs) {
    const ordered_json* scores = at_path(run.results, {"splits", split});
    if (scores == nullptr) continue;
    table.rows.push_back(
        {{run.name, figure_text(*scores, "point_m"), figure_text(*scores, "miou")}, "other"});
  }
  for (const auto& line : published) table.rows.push_back({{line.name, line.point_m, line.miou}});
  return html_table(table);
}

}  // namespace

std::string results_section(const std::vector<ReportedRun>& runs,
                            const std::map<std::string, std::vector<PublishedLine>>& published,
                            const std::string& notes) {
  std::string body = notes;
  for (const auto& run : runs) {
    if (!splits_of_results(run).empty()) continue;
    body += cat("<p class=\"warning\">", html_text(run.name),
                " has no results: no results.json, and no evaluation for this page.</p>\n");
  }
  for (const auto& split : split_names(runs)) {
    body += scores_table(runs, split);
    const auto others = published.find(split);
    if (others != published.end() && !others->second.empty()) {
      body += published_table(runs, split, others->second);
    }
  }
  for (const auto& split : split_names(runs)) body += kinds_part(runs, split);
  return html_section("results", "Results", body);
}

}  // namespace pcnet::report
