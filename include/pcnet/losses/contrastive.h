#pragma once

#include <ATen/core/Tensor.h>

namespace pcnet::losses {

/// The score of each text on each picture: log-sum-exp of the logits over the grid, a smooth
/// maximum. logits [B, M, h, w] (scale times cosine) -> [B, M]
at::Tensor log_sum_exp_scores(const at::Tensor& logits);

/// Symmetric InfoNCE (docs/refsynth.md#training): among the texts of slot m, picture i wants text
/// (i, m), and text (i, m) wants picture i; the mean over slots and directions.
/// scores [B, U] of every picture with every distinct text, text_index [B, M] -> scalar.
at::Tensor contrastive_loss(const at::Tensor& scores, const at::Tensor& text_index);

/// Sides (ours, not the paper's): on its own picture a text must beat itself mirrored, by
/// softplus(z[mirrored] - z[text]); the mean over the texts that have a mirrored one, 0 without
/// any. scores [B, U], text_index [B, M], mirrored_index [B, M] (-1: none) -> scalar.
at::Tensor mirrored_loss(const at::Tensor& scores, const at::Tensor& text_index,
                         const at::Tensor& mirrored_index);

}  // namespace pcnet::losses
