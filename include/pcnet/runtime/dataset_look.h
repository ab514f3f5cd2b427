#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pcnet/config/config.h"
#include "pcnet/data/audit.h"
#include "pcnet/data/statistics.h"

namespace pcnet::runtime {

/// What `pcnet data check` found.
struct DatasetCheck {
  data::DatasetFiles files;
  std::int64_t pictures = 0;  ///< read from the annotations, as the other counts
  std::int64_t objects = 0;
  std::int64_t references = 0;
  std::int64_t sentences = 0;
  std::vector<data::Finding> findings;
};

/// Reads the dataset of the `data` section past every fault, and audits it with the tokenizer of
/// `model.clip.text`. Error only when the dataset cannot be opened at all. Interrupted by a signal.
/// With `data.pack` the pack is checked instead (check_pack).
/// @param decode_pictures false: look at their headers alone
DatasetCheck check_dataset(const config::Config& config, bool decode_pictures);

/// What `pcnet data stats` counted.
struct DatasetNumbers {
  data::DatasetFiles files;
  data::Statistics statistics;
  std::vector<data::PublishedCount> published;
};

/// Error at the first fault of the annotations.
DatasetNumbers count_dataset(const config::Config& config);

}  // namespace pcnet::runtime
