#include "pcnet/report/run_summary.h"

#include "pcnet/core/format.h"
#include "pcnet/report/results.h"
#include "pcnet/report/text_table.h"

namespace pcnet::report {

using core::cat;
using core::fixed;
using nlohmann::ordered_json;

namespace {

/// Pictures a second of training, 0 when no step was done.
double rate_of(const RunSummary& summary) {
  return summary.step_seconds > 0 ? static_cast<double>(summary.images) / summary.step_seconds : 0;
}

ordered_json figures(const metrics::Scores& scores) {
  return {{"point_m", scores.point_m}, {"miou", scores.miou}, {"oiou", scores.oiou}};
}

std::string scores_table(const RunSummary& summary) {
  std::vector<std::vector<std::string>> rows = {{"", "PointM", "mIoU", "oIoU"}};
  const auto add = [&](const std::string& name, const metrics::Scores& scores) {
    rows.push_back({name, fixed(scores.point_m, 1), fixed(scores.miou, 1), fixed(scores.oiou, 1)});
  };
  for (const auto& split : summary.splits) {
    add(split.name, split.scores);
    if (split.stages.size() < 2) continue;
    for (std::size_t n = 0; n < split.stages.size(); ++n) add(cat("  stage ", n), split.stages[n]);
  }
  return rows.size() > 1 ? text_table(rows) : "";
}

}  // namespace

ordered_json to_json(const RunSummary& summary) {
  ordered_json document = {{"event", "end"},
                           {"step", summary.steps},
                           {"first_step", summary.first_step},
                           {"stopped_early", summary.stopped_early},
                           {"skipped_steps", summary.skipped_steps},
                           {"seconds", summary.seconds},
                           {"step_seconds", summary.step_seconds},
                           {"validation_seconds", summary.validation_seconds},
                           {"images_per_second", rate_of(summary)}};
  if (!summary.metric.empty()) {
    document["best"] = {
        {"metric", summary.metric}, {"score", summary.best_score}, {"step", summary.best_step}};
  }
  for (const auto& split : summary.splits) {
    ordered_json one = figures(split.scores);
    for (const auto& stage : split.stages) one["stages"].push_back(figures(stage));
    document["splits"][split.name] = one;
  }
  for (const auto& [name, place] : summary.places) document["places"][name] = place;
  return document;
}

std::string to_text(const RunSummary& summary) {
  std::string steps = cat("steps    ", summary.steps);
  if (summary.first_step > 0) steps += cat(", ", summary.first_step, " of them before");
  if (summary.stopped_early) steps += ", ended early";
  if (summary.skipped_steps > 0) steps += cat(", ", summary.skipped_steps, " not finite, skipped");
  std::string text = cat(steps, "\ntime     ", core::human_seconds(summary.seconds), ", ",
                         fixed(rate_of(summary), 1), " images/s in training, ",
                         core::human_seconds(summary.validation_seconds), " in validations\n");
  if (!summary.metric.empty()) {
    text += cat("best     ", summary.metric_name, " ", fixed(summary.best_score, 1), " at step ",
                summary.best_step, "\n");
  }
  text += scores_table(summary);
  for (const auto& [name, place] : summary.places) {
    text += cat(name, std::string(name.size() < 8 ? 8 - name.size() : 0, ' '), " ", place, "\n");
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace pcnet::report
