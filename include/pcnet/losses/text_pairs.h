#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/config/loss_choices.h"
#include "pcnet/core/batch_share.h"

namespace pcnet::losses {

/// What IaD and KL compare: on each picture, its own text and D texts of other objects of it. Maps
/// are logits, scale times cosine, before ReLU and Norm; P counts proposals.
struct TextPairs {
  at::Tensor own;               ///< [B, N, h, w]
  at::Tensor partner;           ///< [B, N, D, h, w]
  at::Tensor has_partner;       ///< [B, D] bool: really another object of this picture
  at::Tensor proposals;         ///< [B, P, h, w], padded with all-zero planes
  std::int64_t image_side = 0;  ///< of response_on_grid()
  core::BatchShare share = {};  ///< which images of the batch these are
};

/// One row over the proposals for each text.
struct PairRows {
  at::Tensor own;      ///< [B, N, 1, P]
  at::Tensor partner;  ///< [B, N, D, P]
};

/// The logits of all texts as they are, at the stages `all` or `last`: [B, N * (1 + D), h', w'],
/// stage by stage, the own text first. Error when the shapes do not fit.
at::Tensor maps_of_pairs(const TextPairs& pairs, config::TermStages stages);

/// Rows [B, N * (1 + D), P] of those maps, own and partner apart.
PairRows rows_of_pairs(const at::Tensor& rows, const TextPairs& pairs);

/// The mean of a value of every pair, [B, N, D], over the stages and those pairs that are really
/// two objects, on pictures with proposals; 0 when there is none.
at::Tensor mean_of_pairs(const at::Tensor& values, const TextPairs& pairs);

}  // namespace pcnet::losses
