#include "pcnet/freesolo/backbone.h"

#include "pcnet/core/error.h"
#include "pcnet/core/folded_convolution.h"
#include "pcnet/core/format.h"

namespace pcnet::freesolo {

namespace nn = torch::nn;
using core::cat;

namespace {

constexpr double kEpsilon = 1e-5;  // of the norms
constexpr int kFirstLayer = 2;     // in detectron2's names

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(kernel / 2));
}

}  // namespace

ConvNormImpl::ConvNormImpl(std::int64_t in, std::int64_t out, std::int64_t kernel,
                           std::int64_t stride)
    : Conv2dImpl(
          nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false)) {
  const auto norm = register_module("norm", std::make_shared<nn::Module>());
  scale_ = norm->register_buffer("weight", torch::ones({out}));
  shift_ = norm->register_buffer("bias", torch::zeros({out}));
  mean_ = norm->register_buffer("running_mean", torch::zeros({out}));
  variance_ = norm->register_buffer("running_var", torch::ones({out}));
}

void ConvNormImpl::fold() {
  const torch::NoGradGuard no_grad;
  const core::ConvolutionWeights both =
      core::folded(weight, {scale_, shift_, mean_, variance_, kEpsilon});
  weight.copy_(both.weight);
  shift_.copy_(both.bias);
  scale_.fill_(1);
  mean_.zero_();
  variance_.fill_(1 - kEpsilon);
  bias = shift_;  // the same tensor, which moves to a device under its own name
}

at::Tensor ConvNormImpl::forward(const at::Tensor& x) {
  at::Tensor out = Conv2dImpl::forward(x);
  if (bias.defined()) return out;  // the norm is a part of it
  return at::batch_norm(out, scale_, shift_, mean_, variance_, /*training=*/false, /*momentum=*/0,
                        kEpsilon, /*cudnn_enabled=*/true);
}

BottleneckImpl::BottleneckImpl(std::int64_t in, std::int64_t width, std::int64_t stride) {
  const std::int64_t out = width * kExpansion;
  conv1_ = register_module("conv1", ConvNorm(in, width, 1));
  conv2_ = register_module("conv2", ConvNorm(width, width, 3, stride));
  conv3_ = register_module("conv3", ConvNorm(width, out, 1));
  if (in != out || stride > 1) {
    shortcut_ = register_module("shortcut", ConvNorm(in, out, 1, stride));
  }
}

at::Tensor BottleneckImpl::forward(const at::Tensor& x) {
  at::Tensor out = conv1_(x).relu_();
  out = conv2_(out).relu_();
  out = conv3_(out);
  return out.add_(shortcut_.is_empty() ? x : shortcut_(x)).relu_();
}

ResNetImpl::ResNetImpl(const NetworkOptions& options) {
  const auto stem = register_module("stem", std::make_shared<nn::Module>());
  stem_ = stem->register_module("conv1", ConvNorm(3, options.width, 7, 2));
  std::int64_t channels = options.width;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::int64_t width = options.width << i;
    nn::Sequential layer;
    for (std::int64_t block = 0; block < options.blocks[i]; ++block) {
      layer->push_back(Bottleneck(channels, width, block == 0 && i > 0 ? 2 : 1));
      channels = width * BottleneckImpl::kExpansion;
    }
    layers_[i] = register_module(cat("res", kFirstLayer + i), layer);
  }
}

std::array<at::Tensor, 4> ResNetImpl::forward(const at::Tensor& images) {
  at::Tensor x = at::max_pool2d(stem_(images).relu_(), {3, 3}, {2, 2}, {1, 1});
  std::array<at::Tensor, 4> features;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = layers_[i]->forward(x);
    features[i] = x;
  }
  return features;
}

BackboneImpl::BackboneImpl(const NetworkOptions& options) {
  bottom_up_ = register_module("bottom_up", ResNet(options));
  for (std::size_t i = 0; i < laterals_.size(); ++i) {
    const std::int64_t in = (options.width << i) * BottleneckImpl::kExpansion;
    laterals_[i] =
        register_module(cat("fpn_lateral", kFirstLayer + i), convolution(in, options.channels, 1));
    outputs_[i] = register_module(cat("fpn_output", kFirstLayer + i),
                                  convolution(options.channels, options.channels, 3));
  }
}

std::array<at::Tensor, kLevels> BackboneImpl::forward(const at::Tensor& images) {
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) % kMultiple != 0 ||
      images.size(3) % kMultiple != 0 || images.numel() == 0) {
    throw core::Error(cat("images: got ", images.sizes(),
                          ", wanted [B, 3, H, W] with sides of multiples of ", kMultiple, " px"));
  }
  auto features = bottom_up_(images);
  std::array<at::Tensor, kLevels> pyramid;
  at::Tensor sum;
  for (std::size_t i = laterals_.size(); i-- > 0;) {
    const at::Tensor lateral = laterals_[i](features[i]);
    features[i].reset();  // no longer needed; the first layer's is large
    sum = sum.defined() ? at::upsample_nearest2d(sum, lateral.sizes().slice(2)).add_(lateral)
                        : lateral;
    pyramid[i] = outputs_[i](sum);
  }
  pyramid.back() = at::max_pool2d(pyramid[kLevels - 2], {1, 1}, {2, 2});
  return pyramid;
}

}  // namespace pcnet::freesolo
