#include "pcnet/model/referring_model.h"

#include <cmath>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/profile.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

namespace pcnet::model {

namespace nn = torch::nn;

namespace {

// The values with which the position words of refsynth are learned.
constexpr double kPositionScale = 4.0;
constexpr double kPositionDeviation = 0.1;  // of the new weights

/// x and y of the centres of a grid's cells, the picture from -kPositionScale to kPositionScale:
/// [B, C, h, w] -> [1, 2, h, w]
at::Tensor cell_positions(const at::Tensor& grid) {
  const std::int64_t height = grid.size(2);
  const std::int64_t width = grid.size(3);
  const auto centres = [&](std::int64_t cells) {
    const at::Tensor share = (at::arange(cells, grid.options()) + 0.5) / static_cast<double>(cells);
    return (share * 2 - 1) * kPositionScale;
  };
  return at::stack({centres(width).expand({height, width}),
                    centres(height).unsqueeze(/*dim=*/1).expand({height, width})})
      .unsqueeze(/*dim=*/0);
}

}  // namespace

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
      register_module(names.text, core::Linear(options.clip.text.output_dim, options.width));
  logit_scale_ = register_parameter("logit_scale", torch::tensor(std::log(options.logit_scale)),
                                    options.train_logit_scale);
  if (options.position_channels) {
    position_projection_ = register_module(
        "position_project",
        nn::Conv2d(nn::Conv2dOptions(/*in_channels=*/2, options.width, 1).bias(false)));
    nn::init::normal_(position_projection_->weight, /*mean=*/0, kPositionDeviation);
  }
}

at::Tensor ReferringModel::encode_images(const at::Tensor& images) {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != at::kByte) {
    throw core::Error(core::cat("images: got ", images.sizes(), " of ", images.scalar_type(),
                                ", wanted [B, 3, S, S] of Byte"));
  }
  return encode_pictures(image::normalise(images, image_projection_->weight.options()));
}

at::Tensor ReferringModel::encode_pictures(const at::Tensor& pictures) {
  const core::PartScope part("image encoder");
  // Features have the type of the weights under autocast, too: what is added to them keeps it.
  at::Tensor cells = image_projection_(backbone_->encode_image_grid(pictures))
                         .to(image_projection_->weight.scalar_type());
  if (options.position_channels) cells = cells + position_projection_(cell_positions(cells));
  return unit(cells, /*dim=*/1);
}

at::Tensor ReferringModel::encode_texts(const at::Tensor& tokens) {
  const core::PartScope part("text encoder");
  const at::Tensor features = text_projection_(backbone_->encode_text(tokens));
  return unit(features.to(text_projection_->weight.scalar_type()), /*dim=*/1);
}

}  // namespace pcnet::model
