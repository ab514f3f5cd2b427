#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"

namespace pcnet::runtime {

/// A configuration that a run stored.
struct StoredConfig {
  nlohmann::ordered_json values;
  std::string name;              ///< in errors
  std::filesystem::path folder;  ///< the run's folder now; empty: not known
};

/// A configuration as one call uses it.
struct CallConfig {
  config::Config values;
  std::vector<std::string> notes;  ///< what stored paths were found elsewhere or left, a line each
  std::vector<std::string> missing;  ///< stored data that are wanted and lie nowhere, a line each
};

/// What the call names (`overrides`) wins. A call that names another dataset, by data.root,
/// data.dataset, data.split_by or data.pack, takes none of the stored images, cues, proposals and
/// pack, and the stored dataset and split_by only where the other root has them. A stored path that
/// is not there any more is looked for at its old place beside the run's folder.
CallConfig call_config(const StoredConfig& stored, const std::vector<std::string>& overrides);

/// The same of a file, which may be the config.yaml of a run; what is left or found elsewhere is
/// said. Error for data that lie nowhere.
config::Config load_config(const std::filesystem::path& file,
                           const std::vector<std::string>& overrides);

}  // namespace pcnet::runtime
