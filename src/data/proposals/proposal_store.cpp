#include "pcnet/data/proposals/proposal_store.h"

#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "proposal_files.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

std::unique_ptr<ProposalSource> open(const fs::path& path, const ReferIndex& index,
                                     const ProposalStore::Options& options) {
  const config::ProposalFilterOptions& filter = options.filter;
  if (fs::is_directory(path)) return open_proposal_folder(path, filter);
  if (path.extension() == ".json") return open_freesolo(path, index, filter);
  if (path.extension() == ".jsonl") return open_proposal_lines(path, index, filter, options.images);
  throw Error(
      cat("proposals ", path.string(),
          ": wanted a .jsonl file, FreeSOLO's .json or a list of COCO results, or a folder of "
          "SAM's or the released code's files"));
}

std::size_t bytes_of(const std::vector<image::Rle>& masks) {
  std::size_t bytes = sizeof(std::vector<image::Rle>);
  for (const auto& mask : masks) {
    bytes += sizeof(mask) + mask.counts.size() * sizeof(mask.counts[0]);
  }
  return bytes;
}

}  // namespace

ProposalStore::ProposalStore(fs::path source, const ReferIndex& index, const Options& options)
    : path_(std::move(source)),
      index_(index),
      options_(options),
      source_(open(path_, index, options)) {}

ProposalStore::ProposalStore(fs::path source, const ReferIndex& index)
    : ProposalStore(std::move(source), index, Options{}) {}

ProposalStore::ProposalStore(fs::path path, const ReferIndex& index,
                             std::unique_ptr<const ProposalSource> source)
    : path_(std::move(path)), index_(index), source_(std::move(source)) {}

bool ProposalStore::has(std::int64_t image_id) const {
  return source_->has(index_.image(image_id));
}

ProposalStore::Masks ProposalStore::of(std::int64_t image_id) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(image_id);
    if (found != kept_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second.place);
      return found->second.masks;
    }
  }
  auto proposals = scored(image_id);
  if (!proposals) return nullptr;
  auto masks = std::make_shared<std::vector<image::Rle>>();
  masks->reserve(proposals->size());
  for (auto& proposal : *proposals) {
    proposal.mask.counts.shrink_to_fit();
    masks->push_back(std::move(proposal.mask));
  }
  keep(image_id, masks);
  return masks;
}

std::optional<std::vector<ScoredProposal>> ProposalStore::scored(std::int64_t image_id) const {
  const ImageRecord& picture = index_.image(image_id);
  if (!source_->has(picture)) return std::nullopt;
  auto proposals = source_->read(picture);
  for (const auto& [mask, predicted_iou, stability, score] : proposals) {
    if (mask.height == picture.height && mask.width == picture.width) continue;
    throw Error(cat("a proposal of image_id ", image_id, " in ", source_->file_of(picture).string(),
                    " is ", mask.height, " x ", mask.width, " (height x width), its image ",
                    picture.file_name, " ", picture.height, " x ", picture.width));
  }
  return proposals;
}

void ProposalStore::keep(std::int64_t image_id, const Masks& masks) const {
  const std::size_t bytes = bytes_of(*masks);
  const std::lock_guard lock(mutex_);
  if (bytes > options_.cache_bytes || kept_.contains(image_id)) return;
  while (bytes_ + bytes > options_.cache_bytes) {
    const auto last = kept_.find(recent_.back());
    bytes_ -= last->second.bytes;
    kept_.erase(last);
    recent_.pop_back();
  }
  recent_.push_front(image_id);
  kept_.emplace(image_id, Kept{masks, bytes, recent_.begin()});
  bytes_ += bytes;
}

std::size_t ProposalStore::cached_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace pcnet::data
