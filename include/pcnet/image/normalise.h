#pragma once

#include <ATen/core/Tensor.h>

namespace pcnet::image {

/// The mean colour of a set of images and the deviation from it; red, green, blue from 0 to 1.
struct Colours {
  std::array<double, 3> mean;
  std::array<double, 3> deviation;
};
inline constexpr Colours kImageNetColours = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
inline constexpr Colours kClipColours = {{0.48145466, 0.4578275, 0.40821073},
                                         {0.26862954, 0.26130258, 0.27577711}};

/// images [B, 3, H, W] uint8 -> the same shape of `like`'s type and device, channels-last in
/// memory: (v / 255 - mean) / deviation, with ImageNet's for the model (docs/method.md#encoders).
at::Tensor normalise(const at::Tensor& images, const at::TensorOptions& like,
                     const Colours& colours = kImageNetColours);

/// Pictures [3, H, W] uint8 of one size -> [B, 3, H, W], channels-last in memory; page-locked when
/// `pinned`, for a quick copy to a GPU. Runs on the calling thread alone. Error for another size.
at::Tensor stack_pictures(at::TensorList pictures, bool pinned = false);

}  // namespace pcnet::image
