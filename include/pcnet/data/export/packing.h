#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pcnet/core/communicator.h"
#include "pcnet/data/annotations/tell.h"
#include "pcnet/data/pack/pack_key.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/text/omissions.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// How a dataset is packed.
struct PackOptions {
  std::filesystem::path out;
  GridStore::Options grid;  ///< that of the losses; height 0: the proposals have no grid
  int threads = 1;
  Tell tell = {};
  /// Processes that share the pictures; process 0 writes. Null: this one is alone.
  std::shared_ptr<core::Communicator> team = nullptr;
};

/// What a pack holds.
struct PackSummary {
  std::int64_t pictures = 0;
  std::int64_t unreadable = 0;  ///< of them (data.on_bad_image: skip)
  std::int64_t taken_over = 0;  ///< pictures that an earlier, stopped run had written
  std::int64_t unused = 0;      ///< pictures that no reference is about: left out
  std::int64_t objects = 0;
  std::int64_t references = 0;
  std::int64_t sentences = 0;
  std::int64_t texts = 0;  ///< distinct ones, with cues and captions
  std::int64_t pictures_with_proposals = 0;
  std::uint64_t bytes = 0;
  text::Omissions omissions;  ///< what the texts lost as tokens
};

/// What a pack holds, read from its index. `unused`, `taken_over` and `omissions` are empty.
PackSummary summary_of(const Pack& pack);

/// The bytes of a pack's pictures: nearly all of it.
std::uint64_t picture_bytes(const ReferIndex& index, std::int64_t image_size);

/// Writes everything that training and evaluation read of a dataset into one file, which appears
/// under its name when it is whole. A stopped run leaves `<out>.partial`, from which the same call
/// goes on. Error for a picture that cannot be read (data.on_bad_image), a full disk, an `out`
/// that another process writes.
/// The other processes of a team get an empty summary.
PackSummary write_pack(Dataset& dataset, const text::Tokenizer& tokenizer, const PackKey& key,
                       const PackOptions& options);

/// What is wrong when a packed picture is not the dataset's any more. Where its file has another
/// size or time, the pixels are compared.
std::optional<std::string> changed_picture(const Pack& pack, Dataset& dataset,
                                           std::int64_t image_id);

/// Why the pack is not the one that would be made now, a reason each: key, sources, and changed
/// pictures, which are looked at on several threads.
std::vector<std::string> stale_reasons(const Pack& pack, const PackKey& key, Dataset& dataset,
                                       int threads = 1, const Tell& tell = {});

}  // namespace pcnet::data
