#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/naive.h"

/// The referring models once more, from the formulas of
/// docs/released_forward.md#one-attention-block, docs/method.md#conditional-referring-module and
/// docs/method.md#the-profile-improved: one picture, one text and one cell at a time, in plain
/// loops over doubles. Inputs are what the encoders give: grid [Cv, h, w] a picture, features [Ct]
/// a text, not normalised. Weights are those of a whole model, by their names.
namespace pcnet::support::naive {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

/// TRIS with its attention -> score [h, w]
at::Tensor tris_score(const at::Tensor& grid, const at::Tensor& text, const Weights& weights);

/// The released PCNet: cues [K, Ct] -> score of each stage [N, h, w]
at::Tensor released_scores(const at::Tensor& grid, const at::Tensor& sentence,
                           const at::Tensor& cues, const Weights& weights, std::int64_t stages);

/// The released PCNet in training (docs/released_forward.md#in-training): grid [B, Cv, h, w], texts
/// [B, 1 + D, Ct], cues [B, 1 + D, K, Ct] -> logits [N, B, B + D, h, w], those of the batch's
/// sentences before the picture's own partners
at::Tensor released_training_logits(const at::Tensor& grid, const at::Tensor& texts,
                                    const at::Tensor& cues, const Weights& weights,
                                    std::int64_t stages);

/// score [h, w] -> M [H, W] of docs/released_forward.md#map-peak-and-mask
at::Tensor released_map(const at::Tensor& score, std::int64_t side, std::int64_t height,
                        std::int64_t width);

/// The paper's form in training: grid [B, Cv, h, w], texts [B, 1 + D, Ct], cues [B, 1 + D, K, Ct]
/// -> logits [N, B, B + D, h, w], those of the batch's sentences before the picture's own partners
at::Tensor paper_training_logits(const at::Tensor& grid, const at::Tensor& texts,
                                 const at::Tensor& cues, const Weights& weights,
                                 std::int64_t stages);

/// The paper's form at inference -> logits [N, h, w]
at::Tensor paper_logits(const at::Tensor& grid, const at::Tensor& text, const at::Tensor& cues,
                        const Weights& weights, std::int64_t stages);

/// The pair form of the profile `improved` -> logits [N, h, w]
/// @param cue_scale of the cue that vta_tta_add adds, too; 0: the profile's own vta_tta
at::Tensor improved_logits(const at::Tensor& grid, const at::Tensor& text, const at::Tensor& cues,
                           const Weights& weights, std::int64_t stages, double cue_scale);

}  // namespace pcnet::support::naive
