#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pcnet::runtime {

/// What `report` is asked.
struct ReportRequest {
  std::vector<std::filesystem::path> runs;  ///< folders, one or more
  std::string split;                        ///< empty: the first of the first run's eval.splits
  std::int64_t count = 4;                   ///< pictures of a gallery
  std::uint64_t seed = 0;                   ///< draws the sentences
  std::vector<std::string> overrides;       ///< of the stored configurations
  bool pictures = true;                     ///< asks the models; else log and results are enough
};

/// The page of a run, or of several beside each other (docs/reports.md), as one document of HTML
/// that holds its pictures. Error for what is no run folder, and, with pictures, for a run whose
/// checkpoint or dataset is missing.
std::string make_report(const ReportRequest& request);

}  // namespace pcnet::runtime
