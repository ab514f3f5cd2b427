#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/image/picture.h"

namespace pcnet::report {

/// The image_ids that people name by the id, by the file name as the annotations have it, or by a
/// path that ends in it. UsageError for one that is not there, and for a name of several images.
std::vector<std::int64_t> find_images(const data::ReferIndex& index,
                                      const std::vector<std::string>& named);

/// So many images of which the dataset has proposals, evenly spaced in its order.
std::vector<std::int64_t> spread_images(data::Dataset& dataset, std::int64_t count);

/// An image and what the dataset has of its proposals.
struct ImageProposals {
  std::int64_t image_id = 0;
  std::string file_name;
  bool has_entry = false;
  std::vector<data::ScoredProposal> proposals;  ///< numbered from 0 in the source's order
  image::Picture picture;
  std::string fault;  ///< why the picture is grey; empty: it is the image's
};

/// Error for a damaged entry.
ImageProposals image_proposals(data::Dataset& dataset, std::int64_t image_id);

/// The image with all its proposals, each outlined in a colour of its own with its number, the
/// largest first so that none is hidden.
image::Picture draw_proposals_together(const ImageProposals& image);

/// The image, the same with all its proposals, and below a cell for each: outlined, what is around
/// it darker, under its number, area and what its maker says of it.
image::Picture draw_proposals_apart(const ImageProposals& image);

}  // namespace pcnet::report
