#include "pcnet/losses/classification.h"

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "map_passes.h"
#include "precision.h"

namespace pcnet::losses {

namespace {

/// Those that are asked for.
map_passes::Pools pools_by_operations(const at::Tensor& cells,
                                      const config::ClassificationOptions& options) {
  map_passes::Pools pools;
  if (options.mean_pooling) pools.mean = cells.mean(/*dim=*/2);
  if (options.max_pooling) pools.maximum = cells.amax(/*dim=*/2);
  if (!options.focal_pooling) return pools;
  const at::Tensor background = at::ones({cells.size(0), 1, cells.size(2)}, cells.options());
  pools.share = at::cat({background, cells}, /*dim=*/1)
                    .softmax(/*dim=*/1)
                    .slice(/*dim=*/1, /*start=*/1)
                    .mean(/*dim=*/2);
  return pools;
}

}  // namespace

at::Tensor pooled_scores(const at::Tensor& logits, const config::ClassificationOptions& options) {
  const at::Tensor cells = at_least_float(logits).flatten(/*start_dim=*/2);  // [B, M, P]
  const auto [mean, maximum, share] = options.focal_pooling && map_passes::fit(cells)
                                          ? map_passes::pools(cells)
                                          : pools_by_operations(cells, options);
  at::Tensor scores = at::zeros({cells.size(0), cells.size(1)}, cells.options());
  if (options.mean_pooling) scores = scores + mean;
  if (options.max_pooling) scores = scores + maximum;
  if (options.focal_pooling) scores = scores + (1 - share).pow(3) * (0.01 + share).log();
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
