#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/config/region_aware_shrinking_options.h"
#include "pcnet/core/batch_share.h"

namespace pcnet::losses {

/// What RaS compares: the maps of each picture's own text over the stages. P counts proposals.
struct StageMaps {
  at::Tensor logits;            ///< [B, N, h, w]: scale times cosine, before ReLU and Norm
  at::Tensor proposals;         ///< [B, P, h, w], padded with all-zero planes
  at::Tensor clip_scores = {};  ///< [B, P]; read when the foreground is the `clip_score`'s
  double draw = 0;              ///< in [0, 1): which pair of stages form `released` looks at
  std::int64_t image_side = 0;  ///< of response_on_grid()
  core::BatchShare share = {};  ///< which images of the batch these are
};

/// How far the response of each stage covers the target's proposal m_f and the background.
struct StageOverlaps {
  at::Tensor foreground;  ///< IoU(R_n, m_f), [B, N]
  at::Tensor background;  ///< IoU(R_n, m_b), [B, N]
  at::Tensor meets;       ///< whether R_n is positive anywhere in m_f, [B, N] bool

  /// S_amb of Eq. 6, [B, N]: 0 when the response is exactly m_f.
  at::Tensor ambiguity() const;
};

/// The overlaps of Eq. 6; m_f is the best proposal of each stage by Eq. 5, m_b all the others.
StageOverlaps stage_overlaps(const StageMaps& maps,
                             const config::RegionAwareShrinkingOptions& options);

/// The terms of RaS, scalars. Pictures without any proposal contribute nothing.
struct RegionAwareShrinking {
  at::Tensor shrinking;        ///< Eq. 7, or 1 - (b_k - b_k+1) of form `released`
  at::Tensor foreground = {};  ///< 1 - IoU(R_n, m_f), mean over the stages; form `released` alone.
                               ///< By `foreground_mean` the IoU's mean over all, or the sum over
                               ///< the n maps that meet m_f, divided by n + 1e-4
};

/// RaS (Eq. 7): over consecutive stages, max(0, S_amb of the later - S_amb of the earlier).
/// Shrinking is 0 for a single stage. Error when the shapes do not fit.
RegionAwareShrinking region_aware_shrinking_loss(
    const StageMaps& maps, const config::RegionAwareShrinkingOptions& options);

}  // namespace pcnet::losses
