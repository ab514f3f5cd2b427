#pragma once

#include <vector>

#include "pcnet/data/proposals/proposal_filter.h"

namespace pcnet::data {

/// Masks of which nothing else is known.
std::vector<ScoredProposal> unscored(std::vector<image::Rle> masks);

/// The masks that the filter leaves, in its order; all of them, in their own, when `apply` is none.
std::vector<image::Rle> chosen_masks(std::vector<ScoredProposal> proposals,
                                     const config::ProposalFilterOptions& options);

}  // namespace pcnet::data
