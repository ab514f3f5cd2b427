#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pcnet::study {

/// Figures that others published, by metric: several where they contradict themselves.
using Published = std::map<std::string, std::vector<double>>;

/// A configuration file with values on top, "a.b=value" each.
struct StudyConfig {
  std::filesystem::path file;
  std::vector<std::string> set;
};

/// One line of a study's table: a setting, trained once a seed, or what others published.
struct StudyRow {
  std::string name;
  StudyConfig config;                ///< the table's, with the row's own values on top
  std::optional<StudyConfig> start;  ///< trained before, once a seed; the row begins with it
  std::string split;                 ///< where it is scored
  std::int64_t stage = -1;           ///< the stage that counts, from 0; -1: the last
  bool published = false;            ///< nothing of ours: it has its figures alone
  Published paper;
};

/// One table: rows of settings, a column a metric.
struct StudyTable {
  std::string title;
  std::string note;                 ///< printed below it
  std::vector<std::int64_t> seeds;  ///< run.seed of each run of a row
  std::vector<std::string>
      metrics;           ///< names in results.json, e.g. point_m, kinds.position.point_m
  std::string baseline;  ///< row that the others are compared with, pair by pair; or ""
  std::vector<StudyRow> rows;
};

/// A study file (docs/studies.md): tables that may share runs.
struct Study {
  std::string title;
  std::vector<StudyTable> tables;
};

/// Reads a study file. ConfigError lists every fault at once, each with its line; configuration
/// files are named relative to the study's folder and are not opened.
Study read_study(const std::filesystem::path& file);

}  // namespace pcnet::study
