#include "pcnet/losses/proposal_scores.h"

#include <limits>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "precision.h"

namespace pcnet::losses {

namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr double kEmptyUnion = 1e-6;  // a union is at least one cell, unless nothing is there
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// [B, P, h, w] -> [B, P, h * w] bool
at::Tensor cells_of(const at::Tensor& proposals) {
  return proposals.flatten(/*start_dim=*/2).ne(0);
}

std::string shape(const at::Tensor& x) { return x.defined() ? core::cat(x.sizes()) : "none"; }

void require_pictures_of(const at::Tensor& proposals, const at::Tensor& maps) {
  if (proposals.defined() && maps.defined() && proposals.dim() == 4 && maps.dim() == 4 &&
      maps.size(0) == proposals.size(0)) {
    return;
  }
  throw core::Error(core::cat("losses: got maps ", shape(maps), " and proposals ", shape(proposals),
                              ", wanted [B, M, h, w] and [B, P, h, w]"));
}

}  // namespace

at::Tensor normalised_response(const at::Tensor& logits, bool detach_maximum) {
  const at::Tensor positive = at::relu(at_least_float(logits));
  const at::Tensor maximum = positive.amax({-2, -1}, /*keepdim=*/true);
  return positive / ((detach_maximum ? maximum.detach() : maximum) + kNormEpsilon);
}

at::Tensor on_grid_of(const at::Tensor& proposals, const at::Tensor& maps) {
  require_pictures_of(proposals, maps);
  const auto grid = proposals.sizes().slice(/*N=*/2);
  if (maps.sizes().slice(/*N=*/2) == grid) return maps;
  return at::upsample_bilinear2d(at_least_float(maps), grid, /*align_corners=*/false);
}

at::Tensor response_on_grid(const at::Tensor& proposals, const at::Tensor& maps,
                            bool detach_maximum, std::int64_t image_side) {
  if (image_side == 0) return normalised_response(on_grid_of(proposals, maps), detach_maximum);
  require_pictures_of(proposals, maps);
  const at::Tensor logits = at::upsample_bilinear2d(at_least_float(maps), {image_side, image_side},
                                                    /*align_corners=*/false);
  const at::Tensor response = at::relu(normalised_response(logits, detach_maximum) - kNormEpsilon);
  return at::upsample_bilinear2d(response, proposals.sizes().slice(/*N=*/2),
                                 /*align_corners=*/true);
}

at::Tensor real_proposals(const at::Tensor& proposals) {
  return cells_of(proposals).any(/*dim=*/2);
}

at::Tensor dilated(const at::Tensor& proposals, std::int64_t cells) {
  if (cells == 0) return proposals;
  const std::int64_t side = 2 * cells + 1;
  return at::max_pool2d(proposals.ne(0).to(at::kFloat), {side, side}, /*stride=*/{1, 1},
                        /*padding=*/{cells, cells})
      .to(proposals.scalar_type());
}

at::Tensor proposal_scores(const at::Tensor& maps, const at::Tensor& proposals,
                           config::Choice<config::ProposalScore> scores) {
  if (maps.sizes().slice(/*N=*/2) != proposals.sizes().slice(/*N=*/2)) {
    throw core::Error(core::cat("proposal scores: got maps ", maps.sizes(), " and proposals ",
                                proposals.sizes(), ", wanted them on one grid"));
  }
  const at::Tensor inside = cells_of(proposals).unsqueeze(/*dim=*/1);      // [B, 1, P, hw]
  const at::Tensor cells = at_least_float(maps).flatten(/*start_dim=*/2);  // [B, M, hw]
  if (scores == config::ProposalScore::kMax) {
    // Found without a gradient and then picked: the graph holds the peaks alone, not every cell.
    const at::Tensor peaks = cells.detach()
                                 .unsqueeze(/*dim=*/2)
                                 .masked_fill(inside.logical_not(), -kInfinity)
                                 .argmax(/*dim=*/3);  // [B, M, P]
    return cells.gather(/*dim=*/2, peaks).masked_fill(inside.any(/*dim=*/3).logical_not(), 0);
  }
  const at::Tensor weights = inside.to(cells.scalar_type());
  return (cells.unsqueeze(/*dim=*/2) * weights).sum(/*dim=*/3) /
         weights.sum(/*dim=*/3).clamp_min(1);
}

at::Tensor best_proposal(const at::Tensor& scores, const at::Tensor& proposals,
                         config::Choice<config::ScoreTie> tie) {
  const at::Tensor cells = cells_of(proposals);
  const at::Tensor padding = cells.any(/*dim=*/2).logical_not().unsqueeze(/*dim=*/1);  // [B, 1, P]
  const at::Tensor area = cells.sum(/*dim=*/2, /*keepdim=*/false, at::kDouble).unsqueeze(1);
  const at::Tensor real = scores.detach().masked_fill(padding, -kInfinity);
  const at::Tensor wins = real.eq(real.amax(/*dim=*/2, /*keepdim=*/true));
  if (tie == config::ScoreTie::kFirst) return wins.to(at::kByte).argmax(/*dim=*/2);
  return area.expand_as(real).masked_fill(wins.logical_not(), kInfinity).argmin(/*dim=*/2);
}

at::Tensor score_distribution(const at::Tensor& scores, const at::Tensor& proposals) {
  const at::Tensor padding = real_proposals(proposals).logical_not().unsqueeze(/*dim=*/1);
  // A finite floor, since a softmax over nothing but -infinity is not a number.
  return at_least_float(scores)
      .masked_fill(padding, std::numeric_limits<float>::lowest())
      .softmax(/*dim=*/2)
      .masked_fill(padding, 0);
}

at::Tensor soft_iou(const at::Tensor& maps, const at::Tensor& masks,
                    config::Choice<config::IouDenominator> iou) {
  const at::Tensor response = at_least_float(maps);
  const at::Tensor inside = masks.ne(0).to(response.scalar_type());
  const at::Tensor intersection = (response * inside).sum({-2, -1});
  const at::Tensor sum = response.sum({-2, -1}) + inside.sum({-2, -1});
  const at::Tensor whole = iou == config::IouDenominator::kUnion ? sum - intersection : sum;
  return intersection / whole.clamp_min(kEmptyUnion);
}

at::Tensor mean_where(const at::Tensor& values, const at::Tensor& where) {
  const at::Tensor weights = where.to(values.scalar_type()).expand_as(values);
  return (values * weights).sum() / weights.sum().clamp_min(1);
}

}  // namespace pcnet::losses
