#pragma once

#include <vector>

#include "pcnet/config/grid_proposal_options.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"

namespace pcnet::proposals {

/// Proposals of a picture without a network: superpixels, joined step by step into ever larger
/// regions, of which those with the strongest edges all around are taken, the best first. They are
/// `options.most` or fewer; none of a picture of one colour. Error for a picture without pixels.
std::vector<image::Rle> grid_proposals(const image::Picture& picture,
                                       const config::GridProposalOptions& options);

}  // namespace pcnet::proposals
