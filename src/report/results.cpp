#include "pcnet/report/results.h"

#include <algorithm>

#include "pcnet/core/format.h"

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
  std::string table;
  for (const auto& line : cells) {
    for (std::size_t column = 0; column < line.size(); ++column) {
      std::size_t width = 0;
      for (const auto& other : cells) width = std::max(width, other[column].size());
      const std::string padding(width - line[column].size(), ' ');
      table += column == 0 ? line[column] + padding : "  " + padding + line[column];
    }
    table += '\n';
  }
  return table;
}

}  // namespace pcnet::report
