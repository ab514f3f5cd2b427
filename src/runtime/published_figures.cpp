#include "runtime/published_figures.h"

#include <map>

#include <yaml-cpp/yaml.h>

#include "pcnet/core/embed.h"
#include "pcnet/core/format.h"

PCNET_EMBED(kPcnetRuntimeTable1, PCNET_TABLE1);

namespace pcnet::runtime {

namespace {

/// How a table of the study is called; empty for a dataset that the paper does not have.
std::string title_of(const std::string& dataset, const std::string& split_by,
                     const std::string& split) {
  static const std::map<std::string, std::string> kNames = {
      {"refcoco", "RefCOCO"}, {"refcoco+", "RefCOCO+"}, {"refcocog", "RefCOCOg"}};
  static const std::map<std::string, std::string> kPartitions = {{"google", " (Google)"},
                                                                 {"umd", " (UMD)"}};
  const auto name = kNames.find(dataset);
  if (name == kNames.end()) return {};
  if (dataset != "refcocog" && split_by != "unc") return {};  // of other references
  const auto partition = kPartitions.find(dataset == "refcocog" ? split_by : "");
  return core::cat("Table 1, ", name->second, " ", split,
                   partition == kPartitions.end() ? "" : partition->second);
}

std::vector<double> numbers(const YAML::Node& value) {
  if (!value) return {};
  if (value.IsSequence()) return value.as<std::vector<double>>();
  return {value.as<double>()};
}

}  // namespace

std::vector<PublishedRow> published_figures(const std::string& dataset, const std::string& split_by,
                                            const std::string& split) {
  const std::string title = title_of(dataset, split_by, split);
  std::vector<PublishedRow> rows;
  if (title.empty()) return rows;
  const YAML::Node study = YAML::Load(std::string(PCNET_EMBEDDED(kPcnetRuntimeTable1)));
  for (const auto& table : study["tables"]) {
    if (table["title"].as<std::string>() != title) continue;
    for (const auto& row : table["rows"]) {
      const YAML::Node paper = row["paper"];
      if (!paper) continue;
      PublishedRow found{row["name"].as<std::string>(), {}, numbers(paper["miou"])};
      const auto point_m = numbers(paper["point_m"]);
      if (!point_m.empty()) found.point_m = point_m.front();
      rows.push_back(std::move(found));
    }
  }
  return rows;
}

}  // namespace pcnet::runtime
