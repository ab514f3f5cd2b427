#pragma once

#include <ATen/core/Tensor.h>

#include "pcnet/config/classification_options.h"
#include "pcnet/core/batch_share.h"

namespace pcnet::losses {

/// The score of text j on picture i (A.2, from TRIS): mean + max + focal over the grid, where
/// focal = (1 - m)^3 log(0.01 + m) and m is the mean over the grid of the softmax across a constant
/// map of ones (the background) and all texts.
/// logits [B, M, h, w] (scale times cosine, before ReLU) -> [B, M]
at::Tensor pooled_scores(const at::Tensor& logits, const config::ClassificationOptions& options);

/// Cls: multi-label soft margin of the pooled scores with the identity as target: text i describes
/// picture i and no other. logits [B, B, h, w], or [n, B, h, w] of the own pictures -> scalar.
at::Tensor classification_loss(const at::Tensor& logits,
                               const config::ClassificationOptions& options,
                               const core::BatchShare& share = {});

}  // namespace pcnet::losses
