#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pcnet/config/config.h"
#include "pcnet/cues/quality.h"
#include "pcnet/data/audit/audit.h"
#include "pcnet/data/audit/statistics.h"

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

/// What `pcnet cues check` found.
struct CueCheck {
  data::DatasetFiles files;
  std::filesystem::path source;
  std::int64_t others = 0;  ///< sent_ids of the source that the dataset does not have
  cues::Quality quality;
};

/// Looks at the cues of the `data` section's dataset (cues::look_at_cues). Error when it has none
/// or they cannot be read. Interrupted by a signal.
CueCheck check_cues(const config::Config& config, double tolerance);

/// What `pcnet data stats` counted.
struct DatasetNumbers {
  data::DatasetFiles files;
  data::Statistics statistics;
  std::vector<data::PublishedCount> published;
};

/// Error at the first fault of the annotations.
DatasetNumbers count_dataset(const config::Config& config);

}  // namespace pcnet::runtime
