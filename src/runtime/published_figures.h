#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pcnet::runtime {

/// A method's figures in the paper's Table 1, in percent.
struct PublishedRow {
  std::string name;
  std::optional<double> point_m;
  std::vector<double> miou;  ///< several where the paper contradicts itself
};

/// The rows for a split of a dataset, as configs/studies/table1.yaml has them; none for another
/// dataset. @param split_by of refcocog alone counts
std::vector<PublishedRow> published_figures(const std::string& dataset, const std::string& split_by,
                                            const std::string& split);

}  // namespace pcnet::runtime
