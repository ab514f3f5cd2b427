#pragma once

#include <ATen/core/Tensor.h>

namespace pcnet::losses {

/// The score of each text on each picture: log-sum-exp of the logits over the grid, a smooth
/// maximum. logits [B, M, h, w] (scale times cosine) -> [B, M]
at::Tensor log_sum_exp_scores(const at::Tensor& logits);

/// Symmetric InfoNCE (refsynth.md, warm start): among the texts of slot m, picture i wants text
/// (i, m), and text (i, m) wants picture i; the mean over slots and directions.
/// scores [B, U] of every picture with every distinct text, text_index [B, M] -> scalar.
at::Tensor contrastive_loss(const at::Tensor& scores, const at::Tensor& text_index);

}  // namespace pcnet::losses
