#include "pcnet/freesolo/instances.h"

#include <algorithm>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/resize.h"

namespace pcnet::freesolo {

namespace {

constexpr std::int64_t kMaskStride = 4;  // px of the input a pixel of the mask features is wide
constexpr std::int64_t kBlock = 256;     // candidates whose soft masks are made at a time

/// Cells of some class, level by level, row by row.
struct Candidates {
  at::Tensor probabilities;  // [n]
  at::Tensor classes;        // [n]
  at::Tensor kernels;        // [n, kernel]
  at::Tensor least_area;     // [n]
};

Candidates candidates_of(const Cells& cells, const SelectionOptions& options) {
  std::vector<at::Tensor> probabilities, classes, kernels, least_area;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const at::Tensor level =
        keep_peaks(cells.logits[i].sigmoid())[0].flatten(/*start_dim=*/1).t();  // [cells, classes]
    const at::Tensor found = (level > options.probability).nonzero();
    const at::Tensor cell = found.select(/*dim=*/1, 0);
    classes.push_back(found.select(/*dim=*/1, 1));
    probabilities.push_back(level.index({cell, classes.back()}));
    kernels.push_back(
        cells.kernels[i][0].flatten(/*start_dim=*/1).t().index_select(/*dim=*/0, cell));
    least_area.push_back(at::full_like(cell, options.least_area[i]));
  }
  return {at::cat(probabilities), at::cat(classes), at::cat(kernels), at::cat(least_area)};
}

/// Masks with what their order depends on.
struct Masks {
  at::Tensor scores;   // [n]
  at::Tensor classes;  // [n]
  at::Tensor soft;     // [n, P]
};

Masks rows(const Masks& masks, const at::Tensor& index) {
  return {masks.scores.index_select(0, index), masks.classes.index_select(0, index),
          masks.soft.index_select(0, index)};
}

/// The best `most`, of equal ones the first.
Masks best(const Masks& masks, std::int64_t most) {
  return rows(masks, masks.scores.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/true)
                         .slice(/*dim=*/0, /*start=*/0, /*end=*/most));
}

/// The masks of candidates `begin` to `end` that are large enough, not sorted.
Masks masks_of(const Candidates& all, std::int64_t begin, std::int64_t end,
               const at::Tensor& features, const SelectionOptions& options) {
  const auto part = [&](const at::Tensor& x) { return x.slice(/*dim=*/0, begin, end); };
  const at::Tensor soft = at::mm(part(all.kernels), features).sigmoid_();
  const at::Tensor inside = soft > options.mask;
  const at::Tensor area = inside.sum(/*dim=*/1);
  const at::Tensor maskness = (soft * inside).sum(/*dim=*/1) / area;
  const at::Tensor large = (area > part(all.least_area)).nonzero().squeeze(/*dim=*/1);
  return rows({part(all.probabilities) * maskness, part(all.classes), soft}, large);
}

/// The best masks of all candidates; a few hundred soft masks at a time are in memory.
Masks best_masks(const Candidates& all, const at::Tensor& features,
                 const SelectionOptions& options) {
  Masks kept = masks_of(all, 0, 0, features, options);
  const std::int64_t count = all.classes.size(0);
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    Masks more = masks_of(all, begin, std::min(count, begin + kBlock), features, options);
    if (begin > 0) {
      more = {at::cat({kept.scores, more.scores}), at::cat({kept.classes, more.classes}),
              at::cat({kept.soft, more.soft})};
    }
    kept = best(more, options.most_before);
  }
  return kept;
}

}  // namespace

at::Tensor keep_peaks(const at::Tensor& probabilities) {
  // Padded on all sides, the window of cell (i, j) ends there; the last row and column are too
  // many.
  const at::Tensor largest = at::max_pool2d(probabilities, {2, 2}, {1, 1}, {1, 1})
                                 .slice(/*dim=*/2, 0, -1)
                                 .slice(/*dim=*/3, 0, -1);
  return probabilities * (largest == probabilities);
}

at::Tensor matrix_nms(const at::Tensor& masks, const at::Tensor& classes, const at::Tensor& scores,
                      double sigma) {
  if (scores.size(0) == 0) return scores;
  const at::Tensor area = masks.sum(/*dim=*/1);
  at::Tensor overlap = at::mm(masks, masks.t());  // [better, mask], IoU from here on
  overlap.div_(area.unsqueeze(0) + area.unsqueeze(1) - overlap);
  overlap.mul_(classes.unsqueeze(0) == classes.unsqueeze(1)).triu_(/*diagonal=*/1);
  const at::Tensor worst = overlap.amax(/*dim=*/0).unsqueeze(1);  // [better, 1]
  return scores * ((worst.square() - overlap.square_()) * sigma).exp_().amin(/*dim=*/0);
}

Instances select_instances(const FreesoloImpl::Output& output, const SelectionOptions& options) {
  const at::Tensor& features = output.mask_features;
  if (features.size(0) != 1) {
    throw core::Error(core::cat("mask features: got ", features.sizes(), ", wanted one image"));
  }
  Masks masks = best_masks(candidates_of(output.cells, options),
                           features[0].flatten(/*start_dim=*/1), options);
  masks.scores = matrix_nms((masks.soft > options.mask).to(masks.soft.scalar_type()), masks.classes,
                            masks.scores, options.sigma);
  masks = best(masks, options.most);
  masks = rows(masks, (masks.scores >= options.score).nonzero().squeeze(/*dim=*/1));
  return {masks.scores, masks.soft.view({-1, features.size(2), features.size(3)})};
}

std::vector<Proposal> to_proposals(const Instances& instances, const image::PictureSize& seen,
                                   const image::PictureSize& picture, double threshold) {
  const auto resized = [](const at::Tensor& x, std::int64_t height, std::int64_t width) {
    return at::upsample_bilinear2d(x, {height, width}, /*align_corners=*/false);
  };
  const std::int64_t height = kMaskStride * instances.soft_masks.size(1);
  const std::int64_t width = kMaskStride * instances.soft_masks.size(2);
  const at::Tensor scores = instances.scores.to(at::kCPU, at::kDouble);
  std::vector<Proposal> proposals;
  for (std::int64_t i = 0; i < scores.size(0); ++i) {  // one by one: all are 350 MB at once
    const at::Tensor padded =
        resized(instances.soft_masks[i].unsqueeze(0).unsqueeze(0), height, width);
    const at::Tensor soft = resized(padded.slice(2, 0, seen.height).slice(3, 0, seen.width),
                                    picture.height, picture.width)[0][0];
    Proposal proposal{image::encode(image::to_mask(soft > threshold)), scores[i].item<double>()};
    if (image::area(proposal.mask) > 0) proposals.push_back(std::move(proposal));
  }
  return proposals;
}

}  // namespace pcnet::freesolo
