#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pcnet::model {

/// Cosine of every cell with every text: visual [B, C, h, w] and text [M, C], both of unit length
/// along C -> [B, M, h, w].
at::Tensor all_pairs_cosine(const at::Tensor& visual, const at::Tensor& text);

/// Cosine of text m with the cells of its own picture: visual [B, C, h, w], text [M, C],
/// picture [M] int64 (the picture each text belongs to) -> [M, h, w].
at::Tensor own_picture_cosine(const at::Tensor& visual, const at::Tensor& text,
                              const at::Tensor& picture);

/// The response before Norm (Eq. 4): the positive part of a cosine map.
at::Tensor response(const at::Tensor& cosine);

/// Resizes maps bilinearly to a picture: [M, h, w] -> [M, H, W].
at::Tensor resize_to_picture(const at::Tensor& maps, std::int64_t height, std::int64_t width,
                             bool align_corners);

}  // namespace pcnet::model
