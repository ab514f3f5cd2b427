#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pcnet/config/config.h"
#include "pcnet/data/export/packing.h"
#include "pcnet/distributed/team.h"
#include "pcnet/runtime/dataset_look.h"

namespace pcnet::runtime {

/// What `pcnet data pack` made, or found.
struct Packing {
  data::PackKey key;
  data::PackSummary summary;
  bool already_there = false;  ///< the pack was whole and still right: nothing was written
  double seconds = 0;
};

/// Packs the dataset of the `data` section into `out`, with the tokenizer and the grid of `model`.
/// A pack that is there and still right is left as it is; one that is not is an Error with the
/// reasons, unless it is to be replaced. Interrupted by a signal: the next call goes on.
/// @param team processes that share the pictures; null: this one is alone
Packing pack_dataset(const config::Config& config, const std::filesystem::path& out, bool replace,
                     distributed::Team* team = nullptr);

/// The configuration of a dataset that no file describes: the defaults, those of `data.pack` where
/// there is one, and the overrides on top.
config::Config default_config(const std::vector<std::string>& overrides);

/// Compares every checksum of `data.pack`, and, with `data.root`, the pack with the dataset.
DatasetCheck check_pack(const config::Config& config);

}  // namespace pcnet::runtime
