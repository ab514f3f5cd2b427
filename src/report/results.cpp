#include "pcnet/report/results.h"

#include "pcnet/core/format.h"
#include "pcnet/report/text_table.h"

namespace pcnet::report {

namespace {

nlohmann::ordered_json or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::string text_of(const std::optional<double>& value) {
  return value ? core::fixed(*value, 1) : "-";
}

}  // namespace

nlohmann::ordered_json to_json(const metrics::Scores& scores) {
  nlohmann::ordered_json document = {{"sentences", scores.sentences},
                                     {"point_m", scores.point_m},
                                     {"point_m_box", scores.point_m_box},
                                     {"miou", scores.miou},
                                     {"miou_hit", or_null(scores.miou_hit)},
                                     {"miou_miss", or_null(scores.miou_miss)},
                                     {"oiou", scores.oiou},
                                     {"precision", scores.precision}};
  if (scores.intervals) document["intervals"] = to_json(*scores.intervals);
  return document;
}

nlohmann::ordered_json to_json(const metrics::Interval& interval) {
  return nlohmann::ordered_json::array({interval.low, interval.high});
}

nlohmann::ordered_json to_json(const metrics::Intervals& intervals) {
  return {{"point_m", to_json(intervals.point_m)},
          {"miou", to_json(intervals.miou)},
          {"oiou", to_json(intervals.oiou)}};
}

nlohmann::ordered_json to_json(const metrics::Resampling& how) {
  return {{"percent", how.level},
          {"resampled", "images"},
          {"resamples", how.resamples},
          {"seed", how.seed}};
}

nlohmann::ordered_json to_json(const metrics::Peak& peak) {
  return {{"x", peak.x}, {"y", peak.y}, {"score", peak.score}};
}

std::string results_table(const std::vector<ResultRow>& rows) {
  const std::vector<std::string> header = {"",         "sentences", "PointM", "PointM box", "mIoU",
                                           "mIoU hit", "mIoU miss", "oIoU",   "Prec@0.5"};
  std::vector<std::vector<std::string>> cells = {header};
  for (const auto& row : rows) {
    const auto& s = row.scores;
    cells.push_back({row.name, core::cat(s.sentences), core::fixed(s.point_m, 1),
                     core::fixed(s.point_m_box, 1), core::fixed(s.miou, 1), text_of(s.miou_hit),
                     text_of(s.miou_miss), core::fixed(s.oiou, 1),
                     core::fixed(s.precision.at("0.5"), 1)});
  }
  return text_table(cells);
}

std::string to_text(const metrics::Intervals& intervals) {
  const auto text = [](const char* name, const metrics::Interval& interval) {
    return core::cat(name, " ", core::fixed(interval.low, 1), " to ",
                     core::fixed(interval.high, 1));
  };
  return core::cat(text("PointM", intervals.point_m), ", ", text("mIoU", intervals.miou), ", ",
                   text("oIoU", intervals.oiou));
}

}  // namespace pcnet::report
