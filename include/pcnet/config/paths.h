#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pcnet/config/config.h"

/// Where the files of a run are: stored absolute, and found again when the run was moved.
namespace pcnet::config {

/// One key whose value is a path (FieldInfo::path).
struct PathValue {
  std::string key;  ///< dotted
  std::string path;
};

/// Those that are set, in declaration order; `data.cues: rules` is none.
std::vector<PathValue> path_values(const Config& config);

/// The configuration with every path absolute, seen from the working folder.
Config with_absolute_paths(Config config);

/// Where a path that a run stored would be now: it keeps its place beside the run's folder.
/// @param stored_folder the run's folder when the path was stored
/// @param folder its folder now
/// @return empty when that cannot be told
std::filesystem::path place_beside(const std::filesystem::path& path,
                                   const std::filesystem::path& stored_folder,
                                   const std::filesystem::path& folder);

/// `key="value"` for an override, quoted so that YAML takes any path as text.
std::string assignment(const std::string& key, const std::string& text);

}  // namespace pcnet::config
