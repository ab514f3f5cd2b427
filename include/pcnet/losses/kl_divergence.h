#pragma once

#include <ATen/core/Tensor.h>

#include "pcnet/config/kl_divergence_options.h"
#include "pcnet/losses/text_pairs.h"

namespace pcnet::losses {

/// The soft assignment that Table 10 compares with IaD: the mean over the pairs of -KL(p_a || p_d),
/// with p the softmax of the scores S (Eq. 5) over the real proposals. Scores are in [0, 1], so
/// that the loss is between -1 and 0. -> scalar
at::Tensor kl_divergence_loss(const TextPairs& pairs, const config::KlDivergenceOptions& options);

}  // namespace pcnet::losses
