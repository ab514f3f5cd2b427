#pragma once

#include <ATen/core/Tensor.h>

namespace pcnet::image {

/// images [B, 3, H, W] uint8 -> the same shape of `like`'s type and device, channels-last in
/// memory: (v / 255 - mean) / deviation with ImageNet's mean and deviation
/// (docs/method.md#encoders).
at::Tensor normalise(const at::Tensor& images, const at::TensorOptions& like);

/// Pictures [3, H, W] uint8 of one size -> [B, 3, H, W], channels-last in memory; page-locked when
/// `pinned`, for a quick copy to a GPU. Runs on the calling thread alone. Error for another size.
at::Tensor stack_pictures(at::TensorList pictures, bool pinned = false);

}  // namespace pcnet::image
