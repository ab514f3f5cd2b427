#include "pcnet/sam/image_encoder.h"

#include "pcnet/sam/tiny_vit.h"
#include "pcnet/sam/vision_transformer.h"

namespace pcnet::sam {

namespace nn = torch::nn;

LayerNorm2dImpl::LayerNorm2dImpl(std::int64_t channels) {
  weight_ = register_parameter("weight", torch::ones({channels}));
  bias_ = register_parameter("bias", torch::zeros({channels}));
}

at::Tensor LayerNorm2dImpl::rows(const at::Tensor& x) {
  constexpr double kEpsilon = 1e-6;
  return at::layer_norm(x, {weight_.size(0)}, weight_, bias_, kEpsilon);
}

at::Tensor LayerNorm2dImpl::forward(const at::Tensor& x) {
  return rows(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

nn::Sequential make_neck(std::int64_t width) {
  return nn::Sequential(
      nn::Conv2d(nn::Conv2dOptions(width, kFeatures, 1).bias(false)), LayerNorm2d(kFeatures),
      nn::Conv2d(nn::Conv2dOptions(kFeatures, kFeatures, 3).padding(1).bias(false)),
      LayerNorm2d(kFeatures));
}

std::shared_ptr<ImageEncoder> make_image_encoder(const SamOptions& options) {
  if (options.tiny) return std::make_shared<TinyVitImpl>(options.tiny_vit, options.side);
  return std::make_shared<VisionTransformerImpl>(options.vit, options.side);
}

}  // namespace pcnet::sam
