#include "pcnet/model/referring_model.h"

#include <cmath>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

namespace pcnet::model {

namespace nn = torch::nn;

Expressions gather_expressions(const at::Tensor& distinct, const at::Tensor& text_index,
                               const at::Tensor& cue_index) {
  const auto pick = [&](const at::Tensor& index) {
    std::vector<std::int64_t> shape = index.sizes().vec();
    shape.push_back(distinct.size(1));
    return distinct.index_select(/*dim=*/0, index.flatten()).view(shape);
  };
  return {pick(text_index), pick(cue_index)};
}

ReferringModel::ReferringModel(const config::ModelOptions& model, std::int64_t vocabulary_size,
                               const ProjectionNames& names)
    : options(model) {
  backbone_ = register_module("backbone", clip::Clip(options.clip, vocabulary_size));
  image_projection_ = register_module(
      names.image,
      nn::Conv2d(nn::Conv2dOptions(backbone_->visual()->feature_channels(), options.width, 1)));
  text_projection_ =
      register_module(names.text, nn::Linear(options.clip.text.output_dim, options.width));
  logit_scale_ = register_parameter("logit_scale", torch::tensor(std::log(options.logit_scale)),
                                    options.train_logit_scale);
}

at::Tensor ReferringModel::encode_images(const at::Tensor& images) {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != at::kByte) {
    throw core::Error(core::cat("images: got ", images.sizes(), " of ", images.scalar_type(),
                                ", wanted [B, 3, S, S] of Byte"));
  }
  return encode_pictures(image::normalise(images, image_projection_->weight.options()));
}

at::Tensor ReferringModel::encode_pictures(const at::Tensor& pictures) {
  return unit(image_projection_(backbone_->encode_image_grid(pictures)), /*dim=*/1);
}

at::Tensor ReferringModel::encode_texts(const at::Tensor& tokens) {
  return unit(text_projection_(backbone_->encode_text(tokens)), /*dim=*/1);
}

}  // namespace pcnet::model
