#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/data/proposals/proposal_filter.h"

namespace pcnet::data {

/// The picture that a line of ours is of, as far as the line says it.
struct ProposedPicture {
  std::string file_name;
  std::string digest;  ///< of the file
};

/// What a line says of a proposal beside its mask, where its maker says it.
inline constexpr const char* kPredictedIou = "predicted_iou";
inline constexpr const char* kStability = "stability_score";
inline constexpr const char* kScore = "score";

/// A line of proposals.jsonl (docs/formats.md#proposals), without its end, with COCO's RLEs, areas,
/// boxes, and what is known of each.
std::string proposal_line(std::int64_t image_id, const ProposedPicture& picture,
                          const std::vector<ScoredProposal>& proposals);

}  // namespace pcnet::data
