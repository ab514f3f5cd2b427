#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pcnet::model {

/// A profile's part that compares cells with texts.
inline constexpr const char* kCellsAndTexts = "cells and texts";

/// Inner product of every cell with every text: visual [B, C, h, w], text [M, C] -> [B, M, h, w].
/// Cosines where both have unit length along C.
at::Tensor all_pairs_cosine(const at::Tensor& visual, const at::Tensor& text);

/// x at unit length along `dim`; a zero vector stays zero.
at::Tensor unit(const at::Tensor& x, std::int64_t dim);

/// Inner products of the cells of picture b with its own texts: visual [B, C, h, w], texts
/// [B, X, C] -> [B, X, h, w].
at::Tensor cell_products(const at::Tensor& visual, const at::Tensor& texts);

/// The response before Norm (Eq. 4): the positive part of logits or of a cosine map. Norm itself is
/// losses::normalised_response().
at::Tensor response(const at::Tensor& logits);

/// Resizes maps bilinearly to a picture: [M, h, w] -> [M, H, W].
at::Tensor resize_to_picture(const at::Tensor& maps, std::int64_t height, std::int64_t width,
                             bool align_corners);

/// The released code's way from logits to a picture: [M, h, w] -> side x side px with
/// align_corners = false, the positive part, -> [M, H, W] with align_corners = true.
at::Tensor resize_as_released(const at::Tensor& logits, std::int64_t side, std::int64_t height,
                              std::int64_t width);

}  // namespace pcnet::model
