#include "pcnet/losses/classification.h"

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "precision.h"

namespace pcnet::losses {

at::Tensor pooled_scores(const at::Tensor& logits, const config::ClassificationOptions& options) {
  const at::Tensor cells = at_least_float(logits).flatten(/*start_dim=*/2);  // [B, M, P]
  at::Tensor scores = at::zeros({cells.size(0), cells.size(1)}, cells.options());
  if (options.mean_pooling) scores = scores + cells.mean(/*dim=*/2);
  if (options.max_pooling) scores = scores + cells.amax(/*dim=*/2);
  if (options.focal_pooling) {
    const at::Tensor background = at::ones({cells.size(0), 1, cells.size(2)}, cells.options());
    const at::Tensor share = at::cat({background, cells}, /*dim=*/1)
                                 .softmax(/*dim=*/1)
                                 .slice(/*dim=*/1, /*start=*/1)
                                 .mean(/*dim=*/2);
    scores = scores + (1 - share).pow(3) * (0.01 + share).log();
  }
  return scores;
}

at::Tensor classification_loss(const at::Tensor& logits,
                               const config::ClassificationOptions& options,
                               const core::BatchShare& share) {
  if (logits.dim() != 4 || share.whole(logits.size(0)) != logits.size(1)) {
    throw core::Error(core::cat("classification loss: got logits ", logits.sizes(),
                                ", wanted as many texts as images, [B, B, h, w]"));
  }
  const at::Tensor scores = share.together(pooled_scores(logits, options));  // [B, B]
  return at::binary_cross_entropy_with_logits(scores, at::eye(scores.size(0), scores.options()));
}

}  // namespace pcnet::losses
