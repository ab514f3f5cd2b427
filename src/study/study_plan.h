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

/// What some rows need: a training run, or an evaluation of one or of CLIP alone.
struct PlannedRun {
  std::string name;  ///< <configuration's stem>-s<seed>-<identity>
  config::Config config;
  std::filesystem::path folder;
  std::ptrdiff_t start = -1;       ///< the run that it begins with or evaluates, -1: none
  std::vector<std::string> words;  ///< arguments of the pcnet that does it
};

/// The runs of a row, one a seed, or why there are none.
struct PlannedRow {
  std::vector<std::size_t> runs;
  std::string skipped = {};
};

/// A study file with what every row of every table needs.
struct PlannedStudy {
  Study study;
  std::filesystem::path file;
  std::filesystem::path folder;
  std::vector<std::vector<PlannedRow>> rows;  ///< [table][row]
};

struct StudyPlan {
  std::vector<PlannedRun> runs;  ///< a start stands before what begins with it
  std::vector<PlannedStudy> studies;
};

/// `<folder><ending>`: its configuration and its log lie beside its folder.
std::filesystem::path beside(const PlannedRun& run, const char* ending);

/// Reads the studies and resolves every row's configuration.
StudyPlan plan_studies(const StudyRequest& request);

/// A text that differs whenever two configurations would train or evaluate differently. Where
/// things are written, how fast the work goes, and what is not looked at do not count.
std::string run_identity(const config::Config& config, const std::string& start);

}  // namespace pcnet::study
