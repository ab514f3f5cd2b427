#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pcnet/config/config.h"
#include "pcnet/study/study.h"
#include "pcnet/study/study_file.h"

namespace pcnet::study {

/// A training run that some rows need.
struct PlannedRun {
  std::string name;  ///< <configuration's stem>-s<seed>-<identity>
  config::Config config;
  std::filesystem::path folder;
  std::ptrdiff_t start = -1;  ///< the run that it begins with, -1: none
};

/// A study file with, for every row of every table, the runs of its seeds.
struct PlannedStudy {
  Study study;
  std::filesystem::path file;
  std::filesystem::path folder;
  std::vector<std::vector<std::vector<std::size_t>>> runs;  ///< [table][row][seed]
};

struct StudyPlan {
  std::vector<PlannedRun> runs;  ///< a start stands before what begins with it
  std::vector<PlannedStudy> studies;
};

/// Reads the studies and resolves every row's configuration.
StudyPlan plan_studies(const StudyRequest& request);

/// A text that differs whenever two configurations would train or evaluate differently. Where
/// things are written and how fast the work goes do not count.
std::string run_identity(const config::Config& config, const std::string& start);

}  // namespace pcnet::study
