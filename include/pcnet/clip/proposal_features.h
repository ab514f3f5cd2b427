#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "pcnet/clip/clip.h"
#include "pcnet/image/normalise.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"

/// What CLIP sees of a picture through its mask proposals (docs/method.md#clip-alone). P counts
/// proposals, none of them empty and each of the picture's size; C is CLIP's output_dim. The
/// encoders run in evaluation, without gradients.
namespace pcnet::clip {

/// How a proposal is cut out of a picture.
struct CropLook {
  image::Colours colours;        ///< with which the picture is normalised
  std::array<double, 3> fill{};  ///< of the pixels outside of the mask, after that
};
/// CLIP's own colours, and their mean outside: 0.
inline constexpr CropLook kClipCrops = {.colours = image::kClipColours};
/// As in zero-shot referring segmentation: ImageNet's colours, and their mean, not normalised,
/// outside.
inline constexpr CropLook kZeroShotCrops = {.colours = image::kImageNetColours,
                                            .fill = image::kImageNetColours.mean};

/// Each proposal's pixels alone, cut to its box and resized to side x side px, bicubic with
/// anti-aliasing, the aspect ratio not kept. picture [1, 3, H, W], normalised ->
/// [P, 3, side, side]. Error for an empty proposal or one of another size.
at::Tensor masked_crops(const at::Tensor& picture, std::span<const image::Rle> proposals,
                        std::int64_t side, const CropLook& look);

/// CLIP's image feature of each proposal's crop, [P, C] of unit length.
at::Tensor crop_features(ClipImpl& clip, const image::Picture& picture,
                         std::span<const image::Rle> proposals, const CropLook& look);

/// The whole picture, resized to the side that the attention pool's positions are for: its grid
/// cells at unit length, each times its share of a proposal's mask (resized bilinearly,
/// align_corners = false), through the attention pool. [P, C], not normalised.
at::Tensor context_features(ClipImpl& clip, const image::Picture& picture,
                            std::span<const image::Rle> proposals, const image::Colours& colours);

}  // namespace pcnet::clip
