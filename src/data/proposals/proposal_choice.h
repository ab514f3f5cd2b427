#pragma once

#include <vector>

#include "pcnet/data/proposals/proposal_filter.h"

namespace pcnet::data {

/// Those that the filter leaves, in its order; all of them, in their own, when `apply` is none.
std::vector<ScoredProposal> chosen(std::vector<ScoredProposal> proposals,
                                   const config::ProposalFilterOptions& options);

}  // namespace pcnet::data
