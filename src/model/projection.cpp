#include "projection.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

namespace pcnet::model {

at::Tensor projected_images(clip::Clip& backbone, torch::nn::Conv2d& projection,
                            const at::Tensor& images) {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != at::kByte) {
    throw core::Error(core::cat("images: got ", images.sizes(), " of ", images.scalar_type(),
                                ", wanted [B, 3, S, S] of Byte"));
  }
  const at::Tensor grid =
      backbone->encode_image_grid(image::normalise(images, projection->weight.options()));
  return unit(projection(grid), /*dim=*/1);
}

at::Tensor projected_texts(clip::Clip& backbone, torch::nn::Linear& projection,
                           const at::Tensor& tokens) {
  return unit(projection(backbone->encode_text(tokens)), /*dim=*/1);
}

}  // namespace pcnet::model
