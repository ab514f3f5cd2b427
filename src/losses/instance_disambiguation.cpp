#include "pcnet/losses/instance_disambiguation.h"

#include <torch/types.h>

#include "pcnet/losses/proposal_scores.h"

#include "precision.h"

namespace pcnet::losses {

namespace {

using Disambiguation = config::InstanceDisambiguationOptions;

/// 1 - distance(y_a, y_d) of rows [.., P], broadcast -> [..]
at::Tensor agreement(const PairRows& y, const Disambiguation& options) {
  const bool squared = options.distance == config::IndexDistance::kSquaredL2;
  if (options.gradient != config::AgreementGradient::kSquaredDifference) {
    // For one-hot vectors ||a - d||^2 = 2 - 2<a, d>, and half of their L1 distance is 1 - <a, d>.
    const at::Tensor same = (y.own * y.partner).sum(/*dim=*/-1);
    return squared ? 2 * same - 1 : same;
  }
  const at::Tensor difference = y.own - y.partner;
  return 1 - (squared ? difference.square().sum(/*dim=*/-1) : difference.abs().sum(-1) / 2);
}

}  // namespace

at::Tensor index_vectors(const at::Tensor& logits, const at::Tensor& proposals,
                         const Disambiguation& options, std::int64_t image_side) {
  const at::Tensor maps =
      options.maps == config::ScoredMaps::kResponse
          ? response_on_grid(proposals, logits, options.detach_maximum, image_side)
          : at_least_float(on_grid_of(proposals, logits));
  const at::Tensor scores = proposal_scores(maps, proposals, options.scores);  // [B, M, P]
  const at::Tensor winner = best_proposal(scores, proposals, options.tie).unsqueeze(/*dim=*/2);
  const at::Tensor one_hot = at::zeros_like(scores).scatter(/*dim=*/2, winner, 1);

  const bool softmax = options.gradient == config::AgreementGradient::kSoftmax ||
                       options.straight_through == config::Surrogate::kSoftmax;
  at::Tensor surrogate =
      options.dilation == 0
          ? scores
          : proposal_scores(maps, dilated(proposals, options.dilation), options.scores);
  if (softmax) {
    surrogate = options.softmax_padding ? surrogate.softmax(/*dim=*/2)  // padding scores 0
                                        : score_distribution(surrogate, proposals);
  }
  return one_hot + (surrogate - surrogate.detach());  // Eq. 8; the bracket is exactly 0
}

at::Tensor instance_disambiguation_loss(const TextPairs& pairs, const Disambiguation& options) {
  const at::Tensor y = index_vectors(maps_of_pairs(pairs, options.stages), pairs.proposals, options,
                                     pairs.image_side);
  return mean_of_pairs(agreement(rows_of_pairs(y, pairs), options), pairs);  // Eq. 9
}

}  // namespace pcnet::losses
