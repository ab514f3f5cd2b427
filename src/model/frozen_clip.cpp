#include "pcnet/model/frozen_clip.h"

#include <cmath>
#include <utility>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/normalise.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/losses/proposal_scores.h"
#include "pcnet/model/response_map.h"

namespace pcnet::model {

namespace {

/// Features [M, C] at unit length, of the weights' type under autocast, too.
at::Tensor embedding(const at::Tensor& features, const ReferringModel& model) {
  return unit(features.to(model.scale().scalar_type()), /*dim=*/1);
}

}  // namespace

FrozenClip::FrozenClip(std::shared_ptr<ReferringModel> model, std::int64_t image_size)
    : model_(std::move(model)), image_size_(image_size) {
  const auto& clip = model_->options.clip;
  if (clip.visual.attention_pool && clip.visual.output_dim != clip.text.output_dim) {
    throw core::ConfigError(
        core::cat("frozen CLIP: its images have ", clip.visual.output_dim,
                  " features and its texts ", clip.text.output_dim,
                  ", wanted the same number (model.clip.visual.output_dim, text.output_dim)"));
  }
  for (auto& parameter : model_->parameters()) parameter.set_requires_grad(false);
  model_->eval();
}

at::Tensor FrozenClip::encode_texts(const at::Tensor& tokens) {
  const torch::NoGradGuard no_grad;
  if (!pools()) return model_->encode_texts(tokens);
  return embedding(model_->backbone()->encode_text(tokens), *model_);
}

at::Tensor FrozenClip::scores(const at::Tensor& pictures, const at::Tensor& texts) {
  model_->eval();  // whoever holds the model may have said otherwise
  if (pools()) {
    const at::Tensor image = embedding(model_->backbone()->encode_image(pictures), *model_);
    return cell_products(image.unsqueeze(/*dim=*/2).unsqueeze(/*dim=*/3), texts)
        .flatten(/*start_dim=*/1);
  }
  const at::Tensor cosines =
      cell_products(model_->encode_pictures(pictures), texts).flatten(/*start_dim=*/2);
  const at::Tensor scale = model_->scale();
  return ((cosines * scale).logsumexp(/*dim=*/2) - std::log(static_cast<double>(cosines.size(2)))) /
         scale;
}

at::Tensor FrozenClip::masked_scores(const at::Tensor& images, const at::Tensor& maps,
                                     const at::Tensor& texts) {
  return scores(losses::masked_pictures(fitted(images), maps), texts);
}

at::Tensor FrozenClip::proposal_scores(const at::Tensor& images, const at::Tensor& proposals,
                                       const at::Tensor& texts, std::int64_t chunk) {
  const torch::NoGradGuard no_grad;
  const at::Tensor pictures = fitted(images);
  const at::Tensor real = losses::real_proposals(proposals).nonzero();  // [R, 2]
  at::Tensor result = at::zeros(proposals.sizes().slice(/*N=*/0, /*M=*/2), texts.options());
  if (real.size(0) == 0) return result;
  for (const at::Tensor& places : real.split(chunk)) {
    const at::Tensor picture = places.select(/*dim=*/1, 0);
    const at::Tensor proposal = places.select(/*dim=*/1, 1);
    const at::Tensor masks = proposals.index({picture, proposal}).ne(0).unsqueeze(/*dim=*/1);
    const at::Tensor seen =
        pictures.index_select(/*dim=*/0, picture) *
        at::upsample_nearest2d(masks.to(pictures.scalar_type()), pictures.sizes().slice(/*N=*/2));
    const at::Tensor own = texts.index_select(/*dim=*/0, picture).unsqueeze(/*dim=*/1);
    result.index_put_({picture, proposal}, scores(seen, own).squeeze(/*dim=*/1));
  }
  return result;
}

at::Tensor FrozenClip::fitted(const at::Tensor& images) const {
  at::Tensor pictures = image::normalise(images, model_->parameters().front().options());
  if (image_size_ == 0 || image_size_ == pictures.size(2)) return pictures;
  return at::upsample_bilinear2d(pictures, {image_size_, image_size_}, /*align_corners=*/true);
}

}  // namespace pcnet::model
