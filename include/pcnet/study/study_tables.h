#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/study/study_file.h"

namespace pcnet::study {

/// One run of a row.
struct StudyRun {
  std::int64_t seed = 0;
  std::string folder;
  std::string state;                      ///< "done", "failed", "to do"
  std::string reason;                     ///< why it failed
  std::map<std::string, double> figures;  ///< by metric, when done
};

/// One line of a table.
struct StudyLine {
  std::string name;
  std::vector<StudyRun> runs;  ///< one a seed, in the table's order of seeds
  Published paper;
  bool published = false;    ///< others' figures alone: it has no runs
  std::string skipped = {};  ///< why it has no runs, if it should have some
};

/// A table of a study with what its runs reached.
struct StudyResults {
  std::string title;
  std::string note;
  std::vector<std::string> metrics;
  std::string baseline;  ///< name of a line, or empty
  std::vector<StudyLine> lines;
};

/// Mean and sample deviation over the runs that are done.
struct Spread {
  std::int64_t count = 0;
  double mean = 0;
  std::optional<double> deviation;  ///< n - 1 in the denominator; nothing for a single value
};
Spread spread_of(const std::vector<double>& values);

/// A metric over a line's runs.
Spread figure(const StudyLine& line, const std::string& metric);

/// The same for the differences from the baseline's run of the same seed: runs that share a seed
/// share their start, so that their differences vary less than they do.
Spread difference(const StudyLine& line, const StudyLine& baseline, const std::string& metric);

nlohmann::ordered_json to_json(const StudyResults& results);

/// A Markdown table: mean and deviation of each metric, the published figures beside them, the
/// difference from the baseline in the first metric, what failed, and how the lines are ordered.
std::string to_markdown(const StudyResults& results);

/// A line a run, and one for a row without runs: `table,row,seed,state,<metrics>,<published
/// metrics>`.
std::string to_csv(const std::vector<StudyResults>& tables);

}  // namespace pcnet::study
