#pragma once

#include <vector>

#include "pcnet/config/mask_generator_options.h"
#include "pcnet/config/proposal_filter_options.h"
#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"
#include "pcnet/proposals/box.h"
#include "pcnet/proposals/click_decoder.h"

namespace pcnet::proposals {

/// A record of the mask generator, in the picture's pixels.
struct GeneratedMask {
  image::Rle mask;  ///< of the picture's size
  Box box;          ///< from its first to its last pixel: x1 - x0 is one less than the width
  float predicted_iou = 0;
  float stability = 0;  ///< the pixels above the offset by those above its negative
  Point point;          ///< the click
  Box crop;             ///< where the click was made; x1 and y1 lie behind the last pixel
};

/// The masks of a picture by a grid of clicks: the same masks, numbers and order as those of the
/// Python package segment-anything 1.0 (its SamAutomaticMaskGenerator). Error for a picture without
/// pixels or too small for its crops, for answers of a wrong shape, and for a predicted IoU that
/// is no number.
std::vector<GeneratedMask> generate_masks(ClickDecoder& decoder, const image::Picture& picture,
                                          const config::MaskGeneratorOptions& options);

/// The proposals among them by App. D: the largest first, without near doubles. The bounds on
/// predicted IoU and stability are the generator's, and not looked at again.
std::vector<data::ScoredProposal> choose_proposals(std::vector<GeneratedMask> masks,
                                                   config::ProposalFilterOptions options);

}  // namespace pcnet::proposals
