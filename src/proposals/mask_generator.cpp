#include "pcnet/proposals/mask_generator.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"
#include "pcnet/data/proposals/proposal_filter.h"

#include "boxes.h"
#include "click_masks.h"
#include "crops.h"
#include "small_regions.h"

namespace pcnet::proposals {

namespace {

image::Picture cut_out(const image::Picture& picture, const Box& box) {
  image::Picture part(box.y1 - box.y0, box.x1 - box.x0);
  for (std::int64_t y = 0; y < part.height; ++y) {
    std::copy_n(picture.pixel(box.y0 + y, box.x0), part.width * 3, part.pixel(y, 0));
  }
  return part;
}

/// Those that box_nms keeps, in its order.
std::vector<GeneratedMask> without_doubles(std::vector<GeneratedMask> masks,
                                           const std::vector<float>& scores, double threshold) {
  std::vector<Box> boxes;
  for (const auto& mask : masks) boxes.push_back(mask.box);
  std::vector<GeneratedMask> kept;
  for (const std::size_t i : box_nms(boxes, scores, threshold)) kept.push_back(std::move(masks[i]));
  return kept;
}

std::vector<GeneratedMask> masks_of_crop(ClickDecoder& decoder, const image::Picture& picture,
                                         const Crop& crop,
                                         const config::MaskGeneratorOptions& options) {
  decoder.set_crop(cut_out(picture, crop.box));
  const auto points = point_grid(crop.points_per_side, crop.height(), crop.width());
  const auto most = static_cast<std::size_t>(options.points_per_batch);
  std::vector<GeneratedMask> masks;
  for (std::size_t begin = 0; begin < points.size(); begin += most) {
    const auto batch = std::span(points).subspan(begin, std::min(most, points.size() - begin));
    auto found =
        masks_of_clicks(decoder.decode(batch), batch, crop, picture.height, picture.width, options);
    std::move(found.begin(), found.end(), std::back_inserter(masks));
  }
  std::vector<float> scores;
  for (const auto& mask : masks) scores.push_back(mask.predicted_iou);
  return without_doubles(std::move(masks), scores, options.box_nms);
}

/// Between crops the mask of the smaller one stays.
std::vector<GeneratedMask> without_doubles_of_crops(std::vector<GeneratedMask> masks,
                                                    double threshold) {
  std::vector<float> scores;
  for (const auto& mask : masks) {
    const Box& crop = mask.crop;
    const auto area = static_cast<float>((crop.x1 - crop.x0) * (crop.y1 - crop.y0));
    scores.push_back(1 / area);
  }
  return without_doubles(std::move(masks), scores, threshold);
}

/// Small holes and islands go, and then the doubles, of which unchanged ones stay. A changed mask
/// keeps its scores.
std::vector<GeneratedMask> without_small_regions(std::vector<GeneratedMask> masks,
                                                 const config::MaskGeneratorOptions& options) {
  std::vector<float> scores(masks.size(), 1);
  core::parallel_for(static_cast<std::int64_t>(masks.size()), at::get_num_threads(),
                     [&](std::int64_t i) {
                       GeneratedMask& one = masks[static_cast<std::size_t>(i)];
                       image::Mask mask = image::decode(one.mask);
                       if (!remove_small_regions(mask, options.min_mask_region_area)) return;
                       one.mask = image::encode(mask);
                       one.box = box_of(one.mask);
                       scores[static_cast<std::size_t>(i)] = 0;
                     });
  return without_doubles(std::move(masks), scores, std::max(options.box_nms, options.crop_nms));
}

}  // namespace

std::vector<GeneratedMask> generate_masks(ClickDecoder& decoder, const image::Picture& picture,
                                          const config::MaskGeneratorOptions& options) {
  if (picture.height < 1 || picture.width < 1) {
    throw core::Error(core::cat("mask generator: a picture of ", picture.width, " x ",
                                picture.height, " has no pixels"));
  }
  const torch::NoGradGuard no_grad;
  std::vector<GeneratedMask> masks;
  const auto crops = crops_of(picture.height, picture.width, options);
  for (const Crop& crop : crops) {
    auto found = masks_of_crop(decoder, picture, crop, options);
    std::move(found.begin(), found.end(), std::back_inserter(masks));
  }
  if (crops.size() > 1) masks = without_doubles_of_crops(std::move(masks), options.crop_nms);
  if (options.min_mask_region_area > 0) masks = without_small_regions(std::move(masks), options);
  return masks;
}

std::vector<data::ScoredProposal> choose_proposals(std::vector<GeneratedMask> masks,
                                                   config::ProposalFilterOptions options) {
  options.predicted_iou = options.stability = -std::numeric_limits<double>::infinity();
  std::vector<data::ScoredProposal> proposals;
  for (auto& mask : masks) {
    proposals.push_back({.mask = std::move(mask.mask),
                         .predicted_iou = mask.predicted_iou,
                         .stability = mask.stability});
  }
  std::vector<data::ScoredProposal> chosen;
  for (const std::size_t i : data::filter_proposals(proposals, options)) {
    chosen.push_back(std::move(proposals[i]));
  }
  return chosen;
}

}  // namespace pcnet::proposals
