#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "pcnet/config/proposal_filter_options.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/data/proposals/proposal_source.h"
#include "pcnet/image/rle.h"

namespace pcnet::data {

/// Mask proposals by image_id, read when asked for and kept while there is room. Sources, told
/// apart by the path:
/// - `*.jsonl`: our lines {"image_id", "file_name", "picture_digest", "proposals":
/// [{"segmentation": {size, counts}}]}; one of another picture, by file_name or digest, is an
/// Error;
/// - `*.json`: FreeSOLO's {images, annotations [{segmentation, score, image_id}]};
/// - a folder of SAM's `<stem>.json`, of SAM's `<stem>/<i>.png` + `metadata.csv`, or of the
///   released code's `<stem>.npy` [40, h, w]; `<stem>` is that of the picture's file name.
/// SAM's and FreeSOLO's are filtered as `data.proposal_filter` says. Safe to use from several
/// threads.
class ProposalStore {
 public:
  using Masks = std::shared_ptr<const std::vector<image::Rle>>;

  struct Options {
    config::ProposalFilterOptions filter;
    std::filesystem::path images = {};  ///< their folder, to compare the pictures' digests
    std::size_t cache_bytes = std::size_t{256} << 20U;  ///< of masks kept in memory
  };

  /// `index` gives the pictures' names and sizes and must outlive the store. Error for a path that
  /// holds no proposals, or those of several sources.
  ProposalStore(std::filesystem::path source, const ReferIndex& index, const Options& options);
  ProposalStore(std::filesystem::path source, const ReferIndex& index);
  /// Those of another source, taken as they are; `path` names it.
  ProposalStore(std::filesystem::path path, const ReferIndex& index,
                std::unique_ptr<const ProposalSource> source);
  ProposalStore(const ProposalStore&) = delete;
  ProposalStore& operator=(const ProposalStore&) = delete;

  /// The picture's proposals, each of the picture's size, in the source's order (or the filter's);
  /// null when the source has no entry for it, empty when its entry holds none. Error that names
  /// picture and file for a damaged entry or a mask of another size.
  Masks of(std::int64_t image_id) const;
  /// The same with what the source says of each; read again at each call.
  std::optional<std::vector<ScoredProposal>> scored(std::int64_t image_id) const;
  /// True when the source has an entry for that picture.
  bool has(std::int64_t image_id) const;
  const std::filesystem::path& source() const { return path_; }
  /// Bytes of the masks kept in memory now.
  std::size_t cached_bytes() const;

 private:
  struct Kept {
    Masks masks;
    std::size_t bytes;
    std::list<std::int64_t>::iterator place;
  };
  void keep(std::int64_t image_id, const Masks& masks) const;

  std::filesystem::path path_;
  const ReferIndex& index_;
  Options options_;
  std::unique_ptr<const ProposalSource> source_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::int64_t, Kept> kept_;
  mutable std::list<std::int64_t> recent_;  // the last used first
  mutable std::size_t bytes_ = 0;
};

}  // namespace pcnet::data
