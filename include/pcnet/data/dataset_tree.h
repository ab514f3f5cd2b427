#pragma once

#include <filesystem>
#include <string>

#include "pcnet/config/data_options.h"

namespace pcnet::data {

/// Where the files of one dataset are. Empty paths: the tree has no such file.
struct DatasetFiles {
  std::string dataset;   ///< "refcoco", "refsynth", ...
  std::string split_by;  ///< "unc", "google", "umd"
  std::filesystem::path refs;
  std::filesystem::path instances;
  std::filesystem::path images;
  std::filesystem::path cues;
  std::filesystem::path proposals;
  std::filesystem::path captions;
};

/// Finds a dataset's files from its root: `<root>/refer/<dataset>` or `<root>/<dataset>` for the
/// annotations, `train2014` below the root, `images` or `images/mscoco/images` for the pictures
/// (formats.md). Options that are not empty win. Error that says what is missing, where it was
/// looked for, and, when several datasets fit, their names.
DatasetFiles locate_dataset(const config::DataOptions& options);

}  // namespace pcnet::data
