#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/data/proposals/proposal_formats.h"
#include "pcnet/image/picture.h"
#include "pcnet/weights/npy.h"

#include "proposal_choice.h"
#include "proposal_files.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

constexpr const char* kMetadata = "metadata.csv";

std::string stem_of(const ImageRecord& picture) {
  return fs::path(picture.file_name).stem().string();
}

/// A folder with a file or a folder a picture, named by the stem of the picture's file name.
class StemFolder : public ProposalSource {
 public:
  StemFolder(fs::path folder, std::unordered_set<std::string> stems,
             const config::ProposalFilterOptions& filter)
      : filter_(filter), folder_(std::move(folder)), stems_(std::move(stems)) {}

  bool has(const ImageRecord& picture) const override { return stems_.contains(stem_of(picture)); }

 protected:
  fs::path named(const ImageRecord& picture, const char* ending) const {
    return folder_ / (stem_of(picture) + ending);
  }
  config::ProposalFilterOptions filter_;

 private:
  fs::path folder_;
  std::unordered_set<std::string> stems_;
};

class SamJsonFolder : public StemFolder {
 public:
  using StemFolder::StemFolder;
  fs::path file_of(const ImageRecord& picture) const override { return named(picture, ".json"); }
  std::vector<ScoredProposal> read(const ImageRecord& picture) const override {
    const fs::path file = file_of(picture);
    return chosen(parse_sam_json(core::read_file(file), file.string()), filter_);
  }
};

class SamPictureFolder : public StemFolder {
 public:
  using StemFolder::StemFolder;
  fs::path file_of(const ImageRecord& picture) const override { return named(picture, ""); }
  std::vector<ScoredProposal> read(const ImageRecord& picture) const override {
    const fs::path folder = file_of(picture);
    const fs::path table = folder / kMetadata;
    std::vector<ScoredProposal> proposals;
    for (const SamMetadata& row : parse_sam_metadata(core::read_file(table), table.string())) {
      const fs::path file = folder / cat(row.id, ".png");
      image::Rle mask = image::encode(image::read_mask(file));
      if (mask.height != picture.height || mask.width != picture.width) {
        throw Error(cat(file.string(), " is ", mask.height, " x ", mask.width,
                        " (height x width), its image ", picture.file_name, " of image_id ",
                        picture.image_id, " ", picture.height, " x ", picture.width));
      }
      proposals.push_back({std::move(mask), row.predicted_iou, row.stability});
    }
    return chosen(std::move(proposals), filter_);
  }
};

class ArrayFolder : public StemFolder {
 public:
  using StemFolder::StemFolder;
  fs::path file_of(const ImageRecord& picture) const override { return named(picture, ".npy"); }
  std::vector<ScoredProposal> read(const ImageRecord& picture) const override {
    const fs::path file = file_of(picture);
    auto proposals = unscored(masks_of_array(weights::read_npy(file), file.string()));
    return filter_.apply == "all" ? chosen(std::move(proposals), filter_) : proposals;
  }
};

struct Listing {
  std::unordered_set<std::string> json;
  std::unordered_set<std::string> npy;
  std::unordered_set<std::string> folders;
  bool has_metadata = false;
};

Listing list(const fs::path& folder) {
  Listing found;
  for (const auto& entry : core::list_folder(folder)) {
    const fs::path& path = entry.path();
    if (entry.is_directory()) {
      found.folders.insert(path.filename().string());
      found.has_metadata = found.has_metadata || fs::exists(path / kMetadata);
    } else if (path.extension() == ".json") {
      found.json.insert(path.stem().string());
    } else if (path.extension() == ".npy") {
      found.npy.insert(path.stem().string());
    }
  }
  return found;
}

}  // namespace

std::unique_ptr<ProposalSource> open_proposal_folder(const fs::path& folder,
                                                     const config::ProposalFilterOptions& filter) {
  Listing found = list(folder);
  if (!found.json.empty() && !found.npy.empty()) {
    throw Error(cat("the proposal folder ", folder.string(),
                    " holds .json and .npy files: which are meant? Keep them in folders of their "
                    "own"));
  }
  if (!found.json.empty()) {
    return std::make_unique<SamJsonFolder>(folder, std::move(found.json), filter);
  }
  if (!found.npy.empty()) {
    return std::make_unique<ArrayFolder>(folder, std::move(found.npy), filter);
  }
  if (found.has_metadata) {
    return std::make_unique<SamPictureFolder>(folder, std::move(found.folders), filter);
  }
  throw Error(
      cat("no proposals in the folder ", folder.string(),
          ": wanted <stem>.json, <stem>.npy or <stem>/metadata.csv, <stem> being that of an "
          "image's file name"));
}

}  // namespace pcnet::data
