#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/study/study_tables.h"

namespace pcnet::study {

/// What `study` is asked.
struct StudyRequest {
  std::vector<std::filesystem::path> files;
  std::filesystem::path out =
      "runs/studies";                  ///< tables in `<out>/<stem of file>`, runs in `<out>/runs`
  std::vector<std::string> overrides;  ///< of every run's configuration
  std::vector<std::int64_t> seeds;     ///< in place of those of the files, if any
  std::string split;                   ///< in place of those of the files, if not empty
  std::int64_t jobs = 1;               ///< runs at once
  bool dry_run = false;                ///< say what would be trained, write nothing
  std::filesystem::path program;       ///< the pcnet that trains
};

/// A study file's tables, as far as they go.
struct StudyReport {
  std::filesystem::path file;
  std::filesystem::path folder;
  std::string title;
  std::vector<StudyResults> tables;
};

/// What became of a call.
struct StudyOutcome {
  std::vector<StudyReport> studies;
  std::int64_t done = 0;  ///< runs, each counted once however many rows show it
  std::int64_t failed = 0;
  std::int64_t to_do = 0;
};

/// Trains what the studies' rows name and is not there yet, a process a run; rows and studies with
/// the same configuration and seed share a run. study.md, study.csv and study.json are written
/// anew after every run. A run that fails leaves its row without it, and the others go on. An
/// interrupted study goes on when it is called again: its runs were saved. ConfigError for a fault
/// in any file or any row's configuration, before the first run begins.
StudyOutcome run_studies(const StudyRequest& request);

/// study.md of a report.
std::string to_markdown(const StudyReport& study);

/// study.json of a report.
nlohmann::ordered_json to_json(const StudyReport& study);

}  // namespace pcnet::study
