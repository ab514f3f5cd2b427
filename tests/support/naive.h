#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "pcnet/config/classification_options.h"

/// The method's equations once more, as plain loops in double precision: slow, and easy to compare
/// with docs/method.md. All results are double.
namespace pcnet::support::naive {

/// Weights by name, as in a state dict.
using Weights = std::map<std::string, at::Tensor>;

/// visual [B, C, h, w], text [M, C] -> dot products [B, M, h, w]
at::Tensor all_pairs(const at::Tensor& visual, const at::Tensor& text);

/// map [h, w] -> [height, width]
at::Tensor bilinear(const at::Tensor& map, std::int64_t height, std::int64_t width,
                    bool align_corners);

/// logits [B, M, h, w] -> [B, M]
at::Tensor pooled_scores(const at::Tensor& logits, const config::ClassificationOptions& options);
/// scores [B, B] -> the multi-label soft margin with the identity as target
double soft_margin(const at::Tensor& scores);

/// logits [B, M, h, w] -> [B, M]
at::Tensor log_sum_exp(const at::Tensor& logits);
/// scores [B, U], text_index [B, M] -> symmetric InfoNCE
double contrastive(const at::Tensor& scores, const at::Tensor& text_index);

/// grid [B, C, h, w] -> [B, output]; the names are CLIP's `attnpool` without that prefix
at::Tensor attention_pool(const at::Tensor& grid, const Weights& weights, std::int64_t heads);

/// x [T, C] -> [T, C]; the names are those of a CLIP text block
at::Tensor text_block(const at::Tensor& x, const Weights& weights, std::int64_t heads);

}  // namespace pcnet::support::naive
