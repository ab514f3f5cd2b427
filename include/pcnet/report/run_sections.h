#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/report/comparison.h"
#include "pcnet/report/run_history.h"

/// Sections of the page of `pcnet report` that need no picture, as markup.
namespace pcnet::report {

/// A run as the page shows it.
struct ReportedRun {
  std::string name;
  RunHistory history;
  nlohmann::ordered_json results;  ///< as results.json; null: there are none
  /// Key, value and origin of the whole configuration, in one order for all runs.
  std::vector<std::string> keys, values, origins, defaults;
};

/// Figures of a method that others published, ready to be shown.
struct PublishedLine {
  std::string name;
  std::string point_m;
  std::string miou;
};

/// The figures of all splits with their intervals and stages, those by kind of sentence as a table
/// and a chart, and published ones beside them.
/// @param published by split
/// @param notes markup that stands first
std::string results_section(const std::vector<ReportedRun>& runs,
                            const std::map<std::string, std::vector<PublishedLine>>& published,
                            const std::string& notes);

/// A chart a quantity: each loss, what else a step logs, and the validations.
std::string curves_section(const std::vector<ReportedRun>& runs);

/// Figures, hits and kinds of two runs beside each other, and the largest leads as tables.
std::string comparison_tables(const Comparison& comparison);

/// What differs between runs or from the defaults, and all keys with their origins.
std::string configuration_section(const std::vector<ReportedRun>& runs);

/// Where and with what the runs ran, what happened, and how the results were measured.
std::string environment_section(const std::vector<ReportedRun>& runs);

/// Which colour is which run; nothing for a single one.
std::string legend(const std::vector<ReportedRun>& runs);

}  // namespace pcnet::report
