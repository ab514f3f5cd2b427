#include "pcnet/report/run_sections.h"

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/report/html_page.h"

namespace pcnet::report {

using core::cat;
using core::fixed;
using nlohmann::ordered_json;

namespace {

std::string signed_text(double value, int decimals) {
  return cat(value < 0 ? "\xe2\x88\x92" : "+", fixed(value < 0 ? -value : value, decimals));
}

HtmlTable::Row contrast_row(const std::string& name, double a, double b,
                            const metrics::Interval& interval, const std::string& css_class) {
  return {{name, fixed(a, 1), fixed(b, 1), signed_text(b - a, 1),
           cat(signed_text(interval.low, 1), " to ", signed_text(interval.high, 1))},
          css_class};
}

std::string contrast_table(const SplitComparison& split, const Comparison& all) {
  HtmlTable table{.caption = cat("Split ", split.split, ", ", split.whole.sentences,
                                 " sentences on ", split.whole.images, " images, percent"),
                  .header = {"", all.a.name, all.b.name, "difference", "95 % interval"},
                  .rows = {}};
  const auto add = [&](const char* name, double metrics::Figures::*figure,
                       metrics::Interval metrics::Intervals::*interval) {
    const auto row = [&](const std::string& title, const Contrast& contrast, const char* css) {
      table.rows.push_back(contrast_row(title, contrast.a.*figure, contrast.b.*figure,
                                        contrast.intervals.*interval, css));
    };
    row(name, split.whole, "");
    for (const auto& [kind, contrast] : split.kinds) row(kind, contrast, "part");
  };
  add("PointM", &metrics::Figures::point_m, &metrics::Intervals::point_m);
  add("mIoU", &metrics::Figures::miou, &metrics::Intervals::miou);
  add("oIoU", &metrics::Figures::oiou, &metrics::Intervals::oiou);
  return html_table(table);
}

std::string hits_part(const SplitComparison& split, const Comparison& all) {
  HtmlTable table{
      .caption =
          "Sentences whose object the peak hits; p of McNemar's exact test, which takes "
          "sentences as independent",
      .header = {"", "sentences", "both", cat("only ", all.a.name), cat("only ", all.b.name),
                 "neither", "p"},
      .rows = {}};
  const auto add = [&](const std::string& name, const Contrast& contrast, const char* css) {
    table.rows.push_back({{name, cat(contrast.sentences), cat(contrast.both), cat(contrast.only_a),
                           cat(contrast.only_b), cat(contrast.neither), p_text(contrast.mcnemar)},
                          css});
  };
  add("all", split.whole, "");
  for (const auto& [kind, contrast] : split.kinds) add(kind, contrast, "part");
  return html_table(table);
}

std::string leads_part(const SplitComparison& split, const Comparison& all) {
  HtmlTable table{.caption = "The sentences of largest difference; a heading sorts",
                  .header = {"sentence", "kind", cat("IoU ", all.a.name), cat("IoU ", all.b.name),
                             "difference"},
                  .rows = {},
                  .sortable = true};
  const auto side = [](const SentenceAnswer& answer) {
    return cat(fixed(metrics::iou(answer.score), 2), answer.score.hit ? " hit" : " miss");
  };
  for (const auto* pairs : {&split.better_b, &split.better_a}) {
    for (const auto& pair : *pairs) {
      const auto& a = all.a.sentences[pair.a];
      table.rows.push_back({{a.text, a.kind, side(a), side(all.b.sentences[pair.b]),
                             signed_text(pair.difference, 2)}});
    }
  }
  if (table.rows.empty()) return "<p>No sentence is answered differently.</p>\n";
  return html_table(table);
}

/// Rows of keys: a value a run; those that differ stand out.
HtmlTable::Row key_row(const std::vector<ReportedRun>& runs, std::size_t key, bool differs) {
  HtmlTable::Row row{{runs.front().keys[key]}, differs ? "other" : ""};
  for (const auto& run : runs) row.cells.push_back(run.values[key]);
  if (runs.size() > 1) return row;
  row.cells.push_back(runs.front().defaults[key]);
  row.cells.push_back(runs.front().origins[key]);
  return row;
}

std::string events_text(const RunHistory& history) {
  std::string out;
  for (const auto& event : history.events) {
    std::string line = core::json_text(event);
    constexpr std::size_t kLongest = 400;  // a warm start names every tensor
    if (line.size() > kLongest) line = line.substr(0, kLongest) + " ...";
    out += cat("<li>", html_text(line), "</li>\n");
  }
  return out.empty() ? "" : cat("<ul>\n", out, "</ul>\n");
}

void add_members(const ordered_json& document, const std::string& prefix, HtmlTable& table) {
  for (const auto& [key, value] : document.items()) {
    const std::string name = prefix.empty() ? key : cat(prefix, ".", key);
    if (value.is_object()) {
      add_members(value, name, table);
    } else {
      table.rows.push_back(
          {{name, value.is_string() ? value.get<std::string>() : core::json_text(value)}});
    }
  }
}

std::string members_table(const std::string& caption, const ordered_json& document) {
  HtmlTable table{.caption = caption, .header = {"", ""}, .rows = {}, .numbers = false};
  add_members(document, "", table);
  return table.rows.empty() ? "" : html_table(table);
}

}  // namespace

std::string comparison_tables(const Comparison& comparison) {
  std::string body;
  for (const auto& split : comparison.splits) {
    body += contrast_table(split, comparison) + hits_part(split, comparison) +
            leads_part(split, comparison);
  }
  return body;
}

std::string configuration_section(const std::vector<ReportedRun>& runs) {
  HtmlTable some{.caption = runs.size() > 1 ? "Keys whose values differ between the runs"
                                            : "Keys whose values are not the profile's defaults",
                 .header = {"key"},
                 .rows = {},
                 .numbers = false};
  for (const auto& run : runs) some.header.push_back(runs.size() > 1 ? run.name : "value");
  if (runs.size() == 1) some.header.insert(some.header.end(), {"default", "origin"});
  HtmlTable all{.caption = "All keys", .header = some.header, .rows = {}, .numbers = false};
  for (std::size_t key = 0; key < runs.front().keys.size(); ++key) {
    bool differs = runs.size() == 1 && runs[0].values[key] != runs[0].defaults[key];
    for (const auto& run : runs) differs = differs || run.values[key] != runs[0].values[key];
    all.rows.push_back(key_row(runs, key, differs));
    if (differs) some.rows.push_back(key_row(runs, key, false));
  }
  const std::string first = some.rows.empty() ? "<p>No value differs.</p>\n" : html_table(some);
  return html_section("configuration", "Configuration",
                      cat(first, "<details><summary>All ", all.rows.size(), " keys</summary>\n",
                          html_table(all), "</details>\n"));
}

std::string environment_section(const std::vector<ReportedRun>& runs) {
  std::string body;
  for (const auto& run : runs) {
    body += cat("<h3>", html_text(run.name), "</h3>\n");
    for (const auto& event : run.history.events) {
      const auto environment = event.find("environment");
      if (environment == event.end() || !environment->is_object()) continue;
      body +=
          members_table(cat("Where the steps after ",
                            core::json_text(event.value("step", ordered_json(0))), " were trained"),
                        *environment);
    }
    const auto protocol =
        run.results.is_object() ? run.results.find("protocol") : run.results.end();
    if (run.results.is_object() && protocol != run.results.end() && protocol->is_object()) {
      body += members_table("How the results were measured", *protocol);
    }
    const std::string events = events_text(run.history);
    if (events.empty()) continue;
    body += cat("<details><summary>Events of the log</summary>\n", events, "</details>\n");
  }
  return html_section("environment", "Environment", body);
}

}  // namespace pcnet::report
