#include "pcnet/report/results.h"

#include "pcnet/core/format.h"
#include "pcnet/report/text_table.h"

namespace pcnet::report {

nlohmann::ordered_json to_json(const metrics::Scores& scores) {
  return {{"sentences", scores.sentences},
          {"point_m", scores.point_m},
          {"point_m_box", scores.point_m_box},
          {"miou", scores.miou},
          {"oiou", scores.oiou},
          {"precision", scores.precision}};
}

nlohmann::ordered_json to_json(const metrics::Peak& peak) {
  return {{"x", peak.x}, {"y", peak.y}, {"score", peak.score}};
}

std::string results_table(const std::vector<ResultRow>& rows) {
  const std::vector<std::string> header = {"",     "sentences", "PointM",  "PointM box",
                                           "mIoU", "oIoU",      "Prec@0.5"};
  std::vector<std::vector<std::string>> cells = {header};
  for (const auto& row : rows) {
    const auto& s = row.scores;
    cells.push_back({row.name, core::cat(s.sentences), core::fixed(s.point_m, 1),
                     core::fixed(s.point_m_box, 1), core::fixed(s.miou, 1), core::fixed(s.oiou, 1),
                     core::fixed(s.precision.at("0.5"), 1)});
  }
  return text_table(cells);
}

}  // namespace pcnet::report
