#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/config/loss_choices.h"

/// Maps against mask proposals. Proposals are [B, P, h, w], any number but 0 inside; an all-zero
/// plane is padding: it never wins and never counts. In this header P counts proposals and M the
/// maps of a picture (texts, stages, or both).
namespace pcnet::losses {

/// Norm(ReLU(logits)) of Eq. 4: each map over its maximum + 1e-5, in [0, 1); a map without a
/// positive logit stays zero. [.., h, w] -> [.., h, w], at least float.
/// @param detach_maximum no gradient through the maximum: that of the winner is then not zero
at::Tensor normalised_response(const at::Tensor& logits, bool detach_maximum);

/// Resizes maps [B, M, h', w'] bilinearly (align_corners = false) to the grid of the proposals,
/// [B, M, h, w]; maps on that grid come back as they are. Error when one of them is missing or is
/// of other pictures.
at::Tensor on_grid_of(const at::Tensor& proposals, const at::Tensor& maps);

/// The response of Eq. 4 on the grid of the proposals. With `image_side` 0 the logits go to the
/// grid, then ReLU and Norm; else logits to that side (align_corners = false), ReLU, Norm, less
/// 1e-5 and at least 0, then to the grid (align_corners = true), as the released code does it.
/// maps [B, M, h', w'] -> [B, M, h, w]
at::Tensor response_on_grid(const at::Tensor& proposals, const at::Tensor& maps,
                            bool detach_maximum, std::int64_t image_side = 0);

/// Which proposals are real, [B, P, h, w] -> [B, P] bool.
at::Tensor real_proposals(const at::Tensor& proposals);

/// Each proposal grown by `cells` to all eight sides, [B, P, h, w] -> the same; padding stays
/// empty.
at::Tensor dilated(const at::Tensor& proposals, std::int64_t cells);

/// S of Eq. 5: the maximum (`max`) or mean (`mean`) of each map over each proposal; padding scores
/// 0 without a gradient. Of equal cells the first carries the gradient of a maximum.
/// maps [B, M, h, w] -> [B, M, P]. Error when the grids differ.
at::Tensor proposal_scores(const at::Tensor& maps, const at::Tensor& proposals,
                           config::Choice<config::ProposalScore> scores);

/// The arg-max of the scores [B, M, P] among the real proposals -> [B, M] int64. Of equal scores
/// (every proposal that holds the peak ties) the `smallest` proposal wins, of equal sizes the
/// first; or the `first` at once. Index 0 for a picture without any proposal.
at::Tensor best_proposal(const at::Tensor& scores, const at::Tensor& proposals,
                         config::Choice<config::ScoreTie> tie = config::ScoreTie::kSmallest);

/// Softmax of the scores [B, M, P] over the real proposals; padding has probability 0.
at::Tensor score_distribution(const at::Tensor& scores, const at::Tensor& proposals);

/// IoU of a map R with a mask m, both [.., h, w] and broadcast -> [..]: I / U with I = sum(R m) and
/// U = sum R + sum m - I (`union`), or U = sum R + sum m (`sum`). 0 where both are empty.
at::Tensor soft_iou(const at::Tensor& maps, const at::Tensor& masks,
                    config::Choice<config::IouDenominator> iou);

/// The mean of the values where `where` holds, broadcast; 0 when it holds nowhere.
at::Tensor mean_where(const at::Tensor& values, const at::Tensor& where);

}  // namespace pcnet::losses
