#pragma once

#include <array>

#include <torch/torch.h>

#include "pcnet/freesolo/options.h"

namespace pcnet::freesolo {

/// A convolution without bias, with a frozen batch norm `norm` that fold() makes a part of it.
class ConvNormImpl : public torch::nn::Conv2dImpl {
 public:
  /// Padding keeps the size but for the stride.
  ConvNormImpl(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1);
  /// x [B, in, h, w] -> [B, out, h / stride, w / stride]
  at::Tensor forward(const at::Tensor& x);
  /// Multiplies the norm into the weight, so that its bias alone is left of it. Called once the
  /// weights are there, again after others were copied.
  void fold();

 private:
  at::Tensor scale_, shift_, mean_, variance_;  // norm.weight, .bias, .running_mean, .running_var
};
TORCH_MODULE(ConvNorm);

/// ResNet's bottleneck with the stride in its 3 x 3 convolution.
class BottleneckImpl : public torch::nn::Module {
 public:
  BottleneckImpl(std::int64_t in, std::int64_t width, std::int64_t stride);
  /// x [B, in, h, w] -> [B, 4 width, h / stride, w / stride]
  at::Tensor forward(const at::Tensor& x);

  static constexpr std::int64_t kExpansion = 4;

 private:
  ConvNorm conv1_ = nullptr, conv2_ = nullptr, conv3_ = nullptr, shortcut_ = nullptr;
};
TORCH_MODULE(Bottleneck);

/// A ResNet under detectron2's names: `stem.conv1`, `res2` to `res5`.
class ResNetImpl : public torch::nn::Module {
 public:
  explicit ResNetImpl(const NetworkOptions& options);
  /// images [B, 3, H, W] -> the layers' features at strides 4, 8, 16 and 32
  std::array<at::Tensor, 4> forward(const at::Tensor& images);

 private:
  ConvNorm stem_ = nullptr;
  std::array<torch::nn::Sequential, 4> layers_ = {nullptr, nullptr, nullptr, nullptr};
};
TORCH_MODULE(ResNet);

/// The feature pyramid: `bottom_up`, `fpn_lateral2` to `5`, `fpn_output2` to `5`.
class BackboneImpl : public torch::nn::Module {
 public:
  explicit BackboneImpl(const NetworkOptions& options);
  /// images [B, 3, H, W], sides of whole multiples of kMultiple -> [B, channels, h, w] at strides
  /// 4, 8, 16, 32 and 64
  std::array<at::Tensor, kLevels> forward(const at::Tensor& images);

  static constexpr std::int64_t kMultiple = 32;

 private:
  ResNet bottom_up_ = nullptr;
  std::array<torch::nn::Conv2d, 4> laterals_ = {nullptr, nullptr, nullptr, nullptr};
  std::array<torch::nn::Conv2d, 4> outputs_ = {nullptr, nullptr, nullptr, nullptr};
};
TORCH_MODULE(Backbone);

}  // namespace pcnet::freesolo
