#include <string>
#include <unordered_map>
#include <utility>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/proposals/proposal_formats.h"

#include "proposal_choice.h"
#include "proposal_files.h"

namespace pcnet::data {

namespace fs = std::filesystem;

namespace {

/// A mask in a third of the memory: the document holds those of all pictures.
struct PackedProposal {
  std::int64_t height;
  std::int64_t width;
  std::string counts;
  std::optional<double> score;
};

std::string stem_of(const std::string& file_name) { return fs::path(file_name).stem().string(); }

class Freesolo : public ProposalSource {
 public:
  Freesolo(fs::path path, const ReferIndex& index, const config::ProposalFilterOptions& filter)
      : path_(std::move(path)), filter_(filter) {
    FreesoloDocument document = parse_freesolo(core::read_file(path_), path_.string());
    std::unordered_map<std::string, std::int64_t> image_of;
    for (const auto& record : index.images()) {
      image_of.emplace(stem_of(record.file_name), record.image_id);
    }
    bool all_named = true;
    for (const auto& [id, proposals] : document.proposals) {
      const auto named = document.file_names.find(id);
      if (named == document.file_names.end()) {
        all_named = false;
        add(id, proposals);
      } else if (const auto found = image_of.find(stem_of(named->second));
                 found != image_of.end()) {
        add(found->second, proposals);
      }
    }
    if (!all_named) {
      core::log::warning(core::cat("the proposals in ", path_.string(),
                                   " do not name all of their images (images): those are taken "
                                   "by image_id alone"));
    }
    for (const auto& [id, file_name] : document.file_names) {  // pictures where nothing was found
      const auto found = image_of.find(stem_of(file_name));
      if (found != image_of.end()) packed_[found->second];
    }
  }

  bool has(const ImageRecord& picture) const override { return packed_.contains(picture.image_id); }
  fs::path file_of(const ImageRecord& /*picture*/) const override { return path_; }
  std::vector<ScoredProposal> read(const ImageRecord& picture) const override {
    std::vector<ScoredProposal> proposals;
    for (const auto& packed : packed_.at(picture.image_id)) {
      proposals.push_back(
          {.mask = image::from_coco_string(packed.counts, packed.height, packed.width),
           .score = packed.score});
    }
    return chosen(std::move(proposals), filter_);
  }

 private:
  void add(std::int64_t image_id, const std::vector<ScoredProposal>& proposals) {
    for (const auto& [mask, predicted_iou, stability, score] : proposals) {
      packed_[image_id].push_back({mask.height, mask.width, image::to_coco_string(mask), score});
    }
  }

  fs::path path_;
  config::ProposalFilterOptions filter_;
  std::unordered_map<std::int64_t, std::vector<PackedProposal>> packed_;
};

}  // namespace

std::unique_ptr<ProposalSource> open_freesolo(const fs::path& path, const ReferIndex& index,
                                              const config::ProposalFilterOptions& filter) {
  return std::make_unique<Freesolo>(path, index, filter);
}

}  // namespace pcnet::data
