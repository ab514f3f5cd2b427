#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pcnet/config/config.h"
#include "pcnet/distributed/team.h"
#include "pcnet/proposals/proposal_maker.h"

namespace pcnet::runtime {

/// What `pcnet proposals make` is asked.
struct ProposalRequest {
  std::string source = "sam";     ///< sam, freesolo or grid
  std::filesystem::path weights;  ///< of sam and freesolo
  proposals::SamPrecision precision = proposals::SamPrecision::kFp32;
  config::MaskGeneratorOptions generator;
  config::GridProposalOptions grid;
  std::filesystem::path out;  ///< empty: proposals.jsonl beside the annotations
  std::int64_t shard = 1;     ///< of so many, this one's images alone
  std::int64_t shards = 1;
  bool replace = false;
  distributed::Team* team = nullptr;  ///< processes that share the images; null: alone
};

/// A store of proposals that was made or imported.
struct ProposalFile {
  std::filesystem::path out;
  bool already_there = false;   ///< every image, with the same settings: nothing was done
  std::int64_t images = 0;      ///< with an entry
  std::int64_t made = 0;        ///< by this call; the others were there
  std::int64_t proposals = 0;   ///< of these images
  std::int64_t without = 0;     ///< images whose entry is empty
  std::int64_t unreadable = 0;  ///< images that were left out (data.on_bad_image: skip)
  double seconds = 0;
  proposals::PartSeconds by_part = {};  ///< summed over the threads
};

/// Makes proposals for every image of the `data` section's dataset, whatever its split, in the
/// order of the annotations, as JSON lines behind a head that says what they were made with.
/// Where `out` is there with the same settings, for another dataset that shares images with this
/// one, the images that it lacks are added.
/// What is done is kept in `<out>.partial`: stopped or killed at any moment, the same call goes on
/// there, and the file is the same byte for byte. Error when `out` is there with other settings and
/// is not to be replaced.
ProposalFile make_proposals(const config::Config& config, const ProposalRequest& request);

/// Proposals from elsewhere (data::ProposalStore) as such a file, filtered as data.proposal_filter
/// says.
ProposalFile import_proposals(const config::Config& config, const std::filesystem::path& source,
                              const std::filesystem::path& out, bool replace);

/// How the proposals of a dataset are.
struct ProposalCheck {
  std::filesystem::path source;
  std::int64_t images = 0;   ///< of the dataset
  std::int64_t missing = 0;  ///< without an entry
  std::int64_t without = 0;  ///< with an empty one
  std::int64_t proposals = 0;
  std::int64_t objects = 0;        ///< referred to, with a mask
  double best_iou = 0;             ///< mean over these of the best proposal's IoU
  double found = 0;                ///< share of these whose best IoU is at least one half
  std::int64_t small_objects = 0;  ///< of fewer than 1,000 px, which App. D leaves without
};
ProposalCheck check_proposals(const config::Config& config);

}  // namespace pcnet::runtime
