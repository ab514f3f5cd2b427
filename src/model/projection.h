#pragma once

#include <torch/torch.h>

#include "pcnet/clip/clip.h"

namespace pcnet::model {

/// images [B, 3, S, S] uint8 through CLIP and a 1x1 convolution -> [B, C, h, w] of unit length
/// along C. Error for another type or shape.
at::Tensor projected_images(clip::Clip& backbone, torch::nn::Conv2d& projection,
                            const at::Tensor& images);

/// tokens [M, T] int64 through CLIP and a linear layer -> [M, C] of unit length
at::Tensor projected_texts(clip::Clip& backbone, torch::nn::Linear& projection,
                           const at::Tensor& tokens);

}  // namespace pcnet::model
