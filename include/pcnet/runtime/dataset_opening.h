#pragma once

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/runtime/model_source.h"

namespace pcnet::runtime {

/// The dataset of a `data` section. With `data.cues: rules` the cues are made in memory when they
/// are first asked for, which is said.
data::Dataset open_dataset(const config::DataOptions& options,
                           data::Pictures pictures = data::Pictures::kUsed);

/// The dataset that a call asks a model about. Says what of the run's data was not taken along or
/// was found elsewhere; Error for data that lie nowhere.
data::Dataset open_dataset(const LoadedModel& loaded);

/// Cues of every sentence by the rules, as `data.cues: rules` gives them.
data::CueStore cues_by_rules(const data::ReferIndex& index);

/// {"file", "digest"} of the cues, proposals and pack that were read ("rules" for cues made in
/// memory, null for what was not read), and the folder of pictures where one was named. A digest is
/// the CRC-32 of the file, of a folder that of its files' names and sizes, of a pack its header's.
nlohmann::ordered_json files_read(const data::Dataset& dataset);

}  // namespace pcnet::runtime
