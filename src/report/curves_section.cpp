#include <algorithm>

#include "pcnet/core/format.h"
#include "pcnet/report/html_page.h"
#include "pcnet/report/run_sections.h"
#include "pcnet/report/svg_chart.h"

namespace pcnet::report {

using core::cat;

namespace {

using CurvesOf = std::vector<Curve> RunHistory::*;

/// The names of a group of curves in all runs.
std::vector<std::string> curve_names(const std::vector<ReportedRun>& runs, CurvesOf group) {
  std::vector<std::string> names;
  for (const auto& run : runs) {
    for (const auto& curve : run.history.*group) {
      if (std::find(names.begin(), names.end(), curve.name) == names.end()) {
        names.push_back(curve.name);
      }
    }
  }
  return names;
}

/// The curve of each run, empty where it has none.
std::vector<Curve> of_each_run(const std::vector<ReportedRun>& runs, CurvesOf group,
                               const std::string& name) {
  std::vector<Curve> curves;
  for (const auto& run : runs) {
    curves.push_back({name, {}});
    for (const auto& curve : run.history.*group) {
      if (curve.name == name) curves.back() = curve;
    }
  }
  return curves;
}

std::size_t longest(const std::vector<Curve>& curves) {
  std::size_t most = 0;
  for (const auto& curve : curves) most = std::max(most, curve.points.size());
  return most;
}

std::string chart_figure(const std::string& title, const LineChart& chart) {
  const std::string note =
      chart.smoothing > 1
          ? cat("bold: mean of ", chart.smoothing,
                " logged steps around each; the most extreme 1 % may lie at the frame")
          : "";
  return cat("<figure><h4>", html_text(title), "</h4>", line_chart(chart),
             note.empty() ? "" : cat("<figcaption>", note, "</figcaption>"), "</figure>\n");
}

std::string title_of_curve(CurvesOf group, const std::string& name) {
  static const std::map<std::string, std::string> kNames = {
      {"gradient_norm", "gradient norm"},       {"lr", "learning rate"},
      {"images_per_second", "images a second"}, {"point_m", "PointM of validations"},
      {"miou", "mIoU of validations"},          {"oiou", "oIoU of validations"}};
  const auto found = kNames.find(name);
  if (group != &RunHistory::losses && found != kNames.end()) return found->second;
  std::string text = cat("loss: ", name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

}  // namespace

std::string legend(const std::vector<ReportedRun>& runs) {
  if (runs.size() < 2) return {};
  std::string out = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    out += cat("<li><span class=\"k", i % kColours, "\"></span>", html_text(runs[i].name), "</li>");
  }
  return out + "</ul>\n";
}

std::string curves_section(const std::vector<ReportedRun>& runs) {
  constexpr std::size_t kNoisy = 50;  // points from which a moving mean tells more than they do
  std::string body = legend(runs) + "<div class=\"charts\">\n";
  bool any = false;
  for (const CurvesOf group :
       {&RunHistory::losses, &RunHistory::course, &RunHistory::validations}) {
    for (const auto& name : curve_names(runs, group)) {
      LineChart chart;
      chart.title = title_of_curve(group, name);
      chart.curves = of_each_run(runs, group, name);
      const bool validation = group == &RunHistory::validations;
      chart.unit = validation ? "percent" : "";
      chart.marked.assign(runs.size(), validation);
      const std::size_t points = longest(chart.curves);
      if (points >= kNoisy && !validation && name != "lr") chart.smoothing = points / 25 | 1U;
      body += chart_figure(chart.title, chart);
      any = true;
    }
  }
  body += "</div>\n";
  if (!any) body = "<p class=\"warning\">The log holds no step.</p>\n";
  for (const auto& run : runs) {
    if (run.history.repeated == 0 && run.history.unread == 0) continue;
    body += cat("<p class=\"note\">", html_text(run.name), ": ", run.history.repeated,
                " lines of steps that were done again after a resume and ", run.history.unread,
                " that cannot be read (a torn last one, say) are left out.</p>\n");
  }
  return html_section("curves", "Training", body);
}

}  // namespace pcnet::report
