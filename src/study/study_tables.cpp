#include "pcnet/study/study_tables.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

namespace pcnet::study {

using core::cat;
using core::fixed;
using nlohmann::ordered_json;

namespace {

constexpr int kDecimals = 1;

std::string plus_minus(const Spread& spread, bool with_sign) {
  if (spread.count == 0) return "";
  std::string text = fixed(spread.mean, kDecimals);
  if (with_sign && text.front() != '-') text.insert(0, "+");
  if (spread.deviation) text += cat(" ± ", fixed(*spread.deviation, kDecimals));
  return text;
}

const StudyLine* baseline_of(const StudyResults& results) {
  for (const auto& line : results.lines) {
    if (line.name == results.baseline) return &line;
  }
  return nullptr;
}

std::int64_t done(const StudyLine& line) {
  return std::count_if(line.runs.begin(), line.runs.end(),
                       [](const StudyRun& run) { return run.state == "done"; });
}

/// The metrics of which some line has a published figure.
std::vector<std::string> published(const StudyResults& results) {
  std::vector<std::string> metrics;
  for (const auto& metric : results.metrics) {
    const auto has = [&](const StudyLine& line) { return line.paper.count(metric) > 0; };
    if (std::any_of(results.lines.begin(), results.lines.end(), has)) metrics.push_back(metric);
  }
  return metrics;
}

/// How people call a metric of results.json.
std::string heading(const std::string& metric) {
  static const std::map<std::string, std::string> names = {
      {"point_m", "PointM"},
      {"point_m_box", "PointM (box)"},
      {"miou", "mIoU"},
      {"miou_hit", "mIoU of hits"},
      {"miou_miss", "mIoU of misses"},
      {"oiou", "oIoU"},
      {"peaks_off_proposals", "no proposal at the peak"},
      {"ties", "several proposals alike"},
      {"on_object", "on an object"},
      {"empty_maps", "empty maps"},
      {"precision.0.5", "Prec@0.5"}};
  const auto found = names.find(metric);
  if (found != names.end()) return found->second;
  const std::string kinds = "kinds.";
  const std::string point = ".point_m";
  if (metric.rfind(kinds, 0) == 0 && metric.size() > kinds.size() + point.size() &&
      metric.compare(metric.size() - point.size(), point.size(), point) == 0) {
    return metric.substr(kinds.size(), metric.size() - kinds.size() - point.size());
  }
  return metric;
}

std::string row_text(const std::vector<std::string>& cells) {
  return cat("| ", core::join(cells, " | "), " |\n");
}

/// A text that cannot end a cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

/// "52.2 / 48.6"
std::string published_text(const std::vector<double>& figures) {
  std::vector<std::string> texts;
  for (const double value : figures) texts.push_back(fixed(value, kDecimals));
  return core::join(texts, " / ");
}

std::vector<std::string> line_cells(const StudyResults& results, const StudyLine& line) {
  const auto runs = static_cast<std::int64_t>(line.runs.size());
  std::vector<std::string> cells = {cell(line.name)};
  if (line.published) cells.back() += " (published)";
  if (done(line) < runs) cells.back() += cat(" (", done(line), " of ", runs, " runs)");
  for (const auto& metric : results.metrics) {
    cells.push_back(plus_minus(figure(line, metric), /*with_sign=*/false));
  }
  if (const StudyLine* baseline = baseline_of(results)) {
    cells.push_back(baseline == &line
                        ? ""
                        : plus_minus(difference(line, *baseline, results.metrics.front()),
                                     /*with_sign=*/true));
  }
  for (const auto& metric : published(results)) {
    const auto found = line.paper.find(metric);
    cells.push_back(found == line.paper.end() ? "" : published_text(found->second));
  }
  return cells;
}

/// The names of the lines that have a figure, the lowest first; equal is what is printed alike.
std::string ascending(const std::vector<std::pair<double, std::string>>& figures) {
  auto sorted = figures;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  std::string last;
  for (const auto& [value, name] : sorted) {
    const std::string printed = fixed(value, kDecimals);
    if (!text.empty()) text += printed == last ? " = " : " < ";
    text += name;
    last = printed;
  }
  return text;
}

/// Whether our order of the lines is the published one, in the first metric.
std::string order_text(const StudyResults& results) {
  std::vector<std::pair<double, std::string>> ours;
  std::vector<std::pair<double, std::string>> theirs;
  const std::string& metric = results.metrics.front();
  for (const auto& line : results.lines) {
    const auto found = line.paper.find(metric);
    const Spread spread = figure(line, metric);
    if (found == line.paper.end() || spread.count == 0) continue;
    ours.emplace_back(spread.mean, line.name);
    theirs.emplace_back(found->second.front(), line.name);
  }
  if (ours.size() < 2) return "";
  const std::string mine = ascending(ours);
  const std::string paper = ascending(theirs);
  if (mine == paper)
    return cat("Order by ", heading(metric), ", here and published: ", mine, ".\n");
  return cat("Order by ", heading(metric), " here: ", mine, "; published: ", paper, ".\n");
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + "\"";
}

/// As many digits as results.json has.
std::string number(double value) { return core::json_text(ordered_json(value)); }

/// Several in one cell, with a slash between.
std::string published_numbers(const std::vector<double>& figures) {
  std::vector<std::string> texts;
  for (const double value : figures) texts.push_back(number(value));
  return core::join(texts, "/");
}

ordered_json to_json(const Spread& spread) {
  ordered_json document = {{"runs", spread.count}};
  if (spread.count > 0) document["mean"] = spread.mean;
  if (spread.deviation) document["deviation"] = *spread.deviation;
  return document;
}

ordered_json to_json(const StudyRun& run) {
  ordered_json document = {{"seed", run.seed}, {"folder", run.folder}, {"state", run.state}};
  if (!run.reason.empty()) document["reason"] = run.reason;
  for (const auto& [metric, value] : run.figures) document["figures"][metric] = value;
  return document;
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  spread.count = static_cast<std::int64_t>(values.size());
  if (values.empty()) return spread;
  const auto count = static_cast<double>(values.size());
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() == 1) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1));
  return spread;
}

Spread figure(const StudyLine& line, const std::string& metric) {
  std::vector<double> values;
  for (const auto& run : line.runs) {
    const auto found = run.figures.find(metric);
    if (found != run.figures.end()) values.push_back(found->second);
  }
  return spread_of(values);
}

Spread difference(const StudyLine& line, const StudyLine& baseline, const std::string& metric) {
  std::vector<double> values;
  for (const auto& run : line.runs) {
    for (const auto& other : baseline.runs) {
      const auto mine = run.figures.find(metric);
      const auto base = other.figures.find(metric);
      if (run.seed != other.seed || mine == run.figures.end() || base == other.figures.end()) {
        continue;
      }
      values.push_back(mine->second - base->second);
    }
  }
  return spread_of(values);
}

ordered_json to_json(const StudyResults& results) {
  ordered_json document = {{"title", results.title}, {"metrics", results.metrics}};
  if (!results.note.empty()) document["note"] = results.note;
  if (!results.baseline.empty()) document["baseline"] = results.baseline;
  document["rows"] = ordered_json::array();
  const StudyLine* baseline = baseline_of(results);
  for (const auto& line : results.lines) {
    ordered_json row = {{"name", line.name}, {"runs", ordered_json::array()}};
    for (const auto& run : line.runs) row["runs"].push_back(to_json(run));
    for (const auto& metric : results.metrics) {
      row["figures"][metric] = to_json(figure(line, metric));
      if (baseline != nullptr && baseline != &line) {
        row["difference"][metric] = to_json(difference(line, *baseline, metric));
      }
    }
    for (const auto& [metric, values] : line.paper) {
      row["paper"][metric] =
          values.size() == 1 ? ordered_json(values.front()) : ordered_json(values);
    }
    if (line.published) row["published"] = true;
    if (!line.skipped.empty()) row["skipped"] = line.skipped;
    document["rows"].push_back(std::move(row));
  }
  return document;
}

std::string to_markdown(const StudyResults& results) {
  std::vector<std::string> head = {""};
  for (const auto& metric : results.metrics) head.push_back(cell(heading(metric)));
  if (baseline_of(results) != nullptr) {
    head.push_back(cat(heading(results.metrics.front()), " over ", cell(results.baseline)));
  }
  for (const auto& metric : published(results)) head.push_back("paper: " + cell(heading(metric)));
  std::vector<std::string> rule = {"---"};
  rule.resize(head.size(), "---:");
  std::string text = cat("## ", results.title, "\n\n", row_text(head), row_text(rule));
  for (const auto& line : results.lines) text += row_text(line_cells(results, line));
  std::string below = results.note.empty() ? "" : results.note + "\n";
  below += order_text(results);
  for (const auto& line : results.lines) {
    if (!line.skipped.empty()) below += cat("Skipped: ", line.name, ": ", line.skipped, "\n");
    for (const auto& run : line.runs) {
      if (run.state != "failed") continue;
      below += cat("Failed: ", line.name, ", seed ", run.seed, ": ", run.reason, "\n");
    }
  }
  return below.empty() ? text : cat(text, "\n", below);
}

std::string to_csv(const std::vector<StudyResults>& tables) {
  std::vector<std::string> metrics;
  for (const auto& table : tables) {
    for (const auto& metric : table.metrics) {
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) {
        metrics.push_back(metric);
      }
    }
  }
  std::vector<std::string> cells = {"table", "row", "seed", "state"};
  for (const auto& metric : metrics) cells.push_back(metric);
  for (const auto& metric : metrics) cells.push_back("paper_" + metric);
  std::string text = core::join(cells, ",") + "\n";
  const auto add_line = [&](const StudyResults& table, const StudyLine& line,
                            const std::string& seed, const std::string& state,
                            const std::map<std::string, double>& figures) {
    cells = {csv_cell(table.title), csv_cell(line.name), seed, state};
    for (const auto& metric : metrics) {
      const auto found = figures.find(metric);
      cells.push_back(found == figures.end() ? "" : number(found->second));
    }
    for (const auto& metric : metrics) {
      const auto found = line.paper.find(metric);
      cells.push_back(found == line.paper.end() ? "" : published_numbers(found->second));
    }
    text += core::join(cells, ",") + "\n";
  };
  for (const auto& table : tables) {
    for (const auto& line : table.lines) {
      for (const auto& run : line.runs) {
        add_line(table, line, cat(run.seed), run.state, run.figures);
      }
      if (line.runs.empty()) {
        add_line(table, line, "", line.published ? "published" : "skipped", {});
      }
    }
  }
  return text;
}

}  // namespace pcnet::study
