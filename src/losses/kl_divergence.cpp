#include "pcnet/losses/kl_divergence.h"

#include <torch/types.h>

#include "pcnet/losses/proposal_scores.h"

namespace pcnet::losses {

at::Tensor kl_divergence_loss(const TextPairs& pairs, const config::KlDivergenceOptions& options) {
  const at::Tensor response =
      response_on_grid(pairs.proposals, maps_of_pairs(pairs, options.stages),
                       /*detach_maximum=*/true, pairs.image_side);
  const at::Tensor scores = proposal_scores(response, pairs.proposals, options.scores);
  const PairRows p = rows_of_pairs(score_distribution(scores, pairs.proposals), pairs);
  // Only padding has probability 0; there both logarithms are the same and cancel.
  constexpr double kSmallest = 1e-30;
  const at::Tensor ratio = p.own.clamp_min(kSmallest).log() - p.partner.clamp_min(kSmallest).log();
  return mean_of_pairs(-(p.own * ratio).sum(/*dim=*/3), pairs);
}

}  // namespace pcnet::losses
