#include <algorithm>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/pack/pack_key.h"
#include "pcnet/data/sources/dataset_source.h"
#include "pcnet/image/fit.h"

namespace pcnet::data {

using core::cat;
using core::Error;

namespace {

/// Why the pack does not give what the options ask for, a reason each.
std::vector<std::string> stale_reasons(const PackKey& key, const config::DataOptions& options) {
  std::vector<std::string> reasons = stale_settings(key, options);
  const bool by_rules = options.cues == config::kCuesByRules;
  if (options.root.empty()) {
    if ((!options.cues.empty() && !by_rules) || !options.proposals.empty()) {
      reasons.emplace_back(
          "data.cues and data.proposals name files beside it, whose dataset "
          "data.root does not name");
    }
    return reasons;
  }
  if (!std::filesystem::exists(options.root)) {
    core::log::warning(cat("no dataset folder ", options.root, ": the pack ", options.pack,
                           " is used without comparing it (data.root)"));
    return reasons;
  }
  config::DataOptions located = options;
  if (by_rules) located.cues.clear();  // the pack's are not read then
  const auto more = stale_sources(key, locate_dataset(located));
  reasons.insert(reasons.end(), more.begin(), more.end());
  return reasons;
}

}  // namespace

PackSource::PackSource(const config::DataOptions& options) : pack_(options.pack) {
  const auto reasons = stale_reasons(pack_.key(), options);
  if (!reasons.empty()) {
    throw Error(cat("the pack ", options.pack, " is stale: ", core::join(reasons, "; "),
                    ": make it again with `pcnet data pack --replace`, or go without (data.pack)"));
  }
  files_.dataset = pack_.key().dataset;
  files_.split_by = pack_.key().split_by;
  files_.pack = pack_.path();
  files_.pack_checksum = pack_.checksum();
  files_.apply_exif = pack_.key().apply_exif;
}

at::Tensor PackSource::read_picture(const ImageRecord& image, PictureTimes* times) const {
  core::Lap lap;
  auto picture = pack_.picture(image.image_id);
  if (times != nullptr) times->decode += lap.take();
  if (picture) return std::move(*picture);
  throw Error(cat("it could not be read when ", pack_.path().string(), " was made"));
}

image::Picture PackSource::original_picture(const ImageRecord& image) const {
  const at::Tensor packed = read_picture(image, nullptr);
  image::Picture square(pack_.key().image_size, pack_.key().image_size);
  std::copy_n(packed.const_data_ptr<std::uint8_t>(), square.rgb.size(), square.rgb.begin());
  return image::stretch(square, image.height, image.width);
}

std::unique_ptr<const CueStore> PackSource::cues() const {
  return std::make_unique<const CueStore>(pack_.cues(), pack_.path());
}

std::unique_ptr<const ProposalStore> PackSource::proposals() const {
  return std::make_unique<const ProposalStore>(pack_.path(), index(), packed_proposals(pack_));
}

std::string PackSource::proposals_digest() const {
  return digest_text(pack_.key().sources.at("proposals").checksum);
}

std::string PackSource::missing(const std::string& what) const {
  return cat("the pack ", pack_.path().string(), " holds no ", what,
             ": make some, and the pack again with `pcnet data pack`");
}

FindGrid PackSource::ready_grids(const GridStore::Options& options) const {
  return packed_grids(pack_, options);
}

std::unique_ptr<const text::Tokenizer> PackSource::with_ready_tokens(
    std::unique_ptr<const text::Tokenizer> tokenizer) const {
  return std::make_unique<const PackedTokenizer>(std::move(tokenizer), pack_);
}

}  // namespace pcnet::data
