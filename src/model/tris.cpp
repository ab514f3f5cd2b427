#include "pcnet/model/tris.h"

#include <cmath>

#include "pcnet/model/response_map.h"

#include "projection.h"
#include "texts_by_picture.h"

namespace pcnet::model {

namespace nn = torch::nn;

namespace {

constexpr double kResidualScale = 0.1;  // of both updates, fixed in TRIS

}  // namespace

TrisImpl::TrisImpl(const config::ModelOptions& model, std::int64_t vocabulary_size, bool attention)
    : options(model) {
  backbone_ = register_module("backbone", clip::Clip(options.clip, vocabulary_size));
  vis_project_ = register_module(
      "vis_project",
      nn::Conv2d(nn::Conv2dOptions(backbone_->visual()->feature_channels(), options.width, 1)));
  lan_project_ =
      register_module("lan_project", nn::Linear(options.clip.text.output_dim, options.width));
  logit_scale_ = register_parameter("logit_scale", torch::tensor(std::log(options.logit_scale)),
                                    options.train_logit_scale);
  if (attention) {
    attn_fusion_ =
        register_module("attn_fusion", CrossAttention(options.width, AttentionUses::all()));
  }
}

at::Tensor TrisImpl::encode_images(const at::Tensor& images) {
  return projected_images(backbone_, vis_project_, images);
}

at::Tensor TrisImpl::encode_texts(const at::Tensor& tokens) {
  return projected_texts(backbone_, lan_project_, tokens);
}

at::Tensor TrisImpl::forward(const at::Tensor& visual, const at::Tensor& texts) {
  const at::Tensor everywhere = texts.expand({visual.size(0), -1, -1});  // [B, M, C]
  return compared(
      visual, everywhere,
      attn_fusion_.is_empty() ? at::Tensor() : attn_fusion_->text_to_vision(visual, everywhere));
}

at::Tensor TrisImpl::respond(const at::Tensor& visual, const at::Tensor& texts,
                             const at::Tensor& picture) {
  const TextsByPicture layout(picture, texts.size(0), visual.size(0), visual.device());
  return layout.in_order(
      compared(visual, layout.laid_out(texts),
               attn_fusion_.is_empty() ? at::Tensor() : attn_fusion_->only_text_to_vision()));
}

at::Tensor TrisImpl::compared(const at::Tensor& visual, const at::Tensor& texts,
                              const at::Tensor& update) {
  if (attn_fusion_.is_empty()) return cell_products(visual, texts) * scale();
  const at::Tensor seen = attn_fusion_->vision_to_text(texts, attn_fusion_->look_at(visual));
  return cell_products(visual + kResidualScale * update, texts + kResidualScale * seen) * scale();
}

}  // namespace pcnet::model
