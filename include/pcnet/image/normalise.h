#pragma once

#include <ATen/core/Tensor.h>

namespace pcnet::image {

/// images [B, 3, H, W] uint8 -> the same shape of `like`'s type and device, channels-last in
/// memory: (v / 255 - mean) / deviation with ImageNet's mean and deviation (method.md 1).
at::Tensor normalise(const at::Tensor& images, const at::TensorOptions& like);

/// Pictures [3, H, W] uint8 of one size -> [B, 3, H, W], channels-last in memory.
at::Tensor stack_pictures(at::TensorList pictures);

}  // namespace pcnet::image
