#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pcnet/config/proposal_filter_options.h"
#include "pcnet/image/rle.h"

namespace pcnet::data {

/// A mask with what its maker says of it.
struct ScoredProposal {
  image::Rle mask;
  std::optional<double> predicted_iou = {};  ///< SAM's
  std::optional<double> stability = {};      ///< SAM's
  std::optional<double> score = {};          ///< FreeSOLO's and COCO results'
};

/// Masks of which nothing else is known.
std::vector<ScoredProposal> unscored(std::vector<image::Rle> masks);

/// The positions of the proposals to use (App. D), in the order in which they are used:
/// 1. out go those with a predicted IoU, stability or score below the bound (a missing one passes),
///    those smaller than `min_area`, and empty ones;
/// 2. the rest is taken largest first (of equals the higher predicted IoU or score, then the
/// earlier
///    one); one whose IoU with an already taken one is above `overlap` is left out;
/// 3. the first `most` of those.
/// `apply` is not looked at. Error when the masks' sizes differ.
std::vector<std::size_t> filter_proposals(const std::vector<ScoredProposal>& proposals,
                                          const config::ProposalFilterOptions& options);

/// data.proposal_filter, key by key, as texts.
std::map<std::string, std::string> settings_of(const config::ProposalFilterOptions& options);

}  // namespace pcnet::data
