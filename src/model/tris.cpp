#include "pcnet/model/tris.h"

#include <cmath>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/normalise.h"

namespace pcnet::model {

namespace nn = torch::nn;

TrisImpl::TrisImpl(const config::ModelOptions& model, std::int64_t vocabulary_size)
    : options(model) {
  backbone_ = register_module("backbone", clip::Clip(options.clip, vocabulary_size));
  vis_project_ = register_module(
      "vis_project",
      nn::Conv2d(nn::Conv2dOptions(backbone_->visual()->feature_channels(), options.width, 1)));
  lan_project_ =
      register_module("lan_project", nn::Linear(options.clip.text.output_dim, options.width));
  logit_scale_ = register_parameter("logit_scale", torch::tensor(std::log(options.logit_scale)),
                                    options.train_logit_scale);
}

at::Tensor TrisImpl::encode_images(const at::Tensor& images) {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != at::kByte) {
    throw core::Error(core::cat("images: got ", images.sizes(), " of ", images.scalar_type(),
                                ", wanted [B, 3, S, S] of Byte"));
  }
  const at::Tensor grid =
      backbone_->encode_image_grid(image::normalise(images, vis_project_->weight.options()));
  return nn::functional::normalize(vis_project_(grid),
                                   nn::functional::NormalizeFuncOptions().dim(1));
}

at::Tensor TrisImpl::encode_texts(const at::Tensor& tokens) {
  return nn::functional::normalize(lan_project_(backbone_->encode_text(tokens)),
                                   nn::functional::NormalizeFuncOptions().dim(1));
}

}  // namespace pcnet::model
