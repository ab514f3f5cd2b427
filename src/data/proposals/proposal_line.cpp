#include "pcnet/data/proposals/proposal_line.h"

#include <nlohmann/json.hpp>

#include "pcnet/core/json.h"

namespace pcnet::data {

std::string proposal_line(std::int64_t image_id, const ProposedPicture& picture,
                          const std::vector<ScoredProposal>& proposals) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [mask, predicted_iou, stability, score] : proposals) {
    nlohmann::ordered_json entry = {
        {"segmentation",
         {{"size", {mask.height, mask.width}}, {"counts", image::to_coco_string(mask)}}},
        {"area", image::area(mask)},
        {"bbox", image::bounding_box(mask)}};
    if (predicted_iou) entry[kPredictedIou] = *predicted_iou;
    if (stability) entry[kStability] = *stability;
    if (score) entry[kScore] = *score;
    list.push_back(std::move(entry));
  }
  return core::json_text(nlohmann::ordered_json{{"image_id", image_id},
                                                {"file_name", picture.file_name},
                                                {"picture_digest", picture.digest},
                                                {"proposals", std::move(list)}});
}

}  // namespace pcnet::data
