#pragma once

#include <vector>

#include <torch/torch.h>

#include "pcnet/sam/image_encoder.h"

namespace pcnet::sam {

/// A convolution without bias and its batch norm, which become one convolution when the weights are
/// there.
class ConvNormImpl : public torch::nn::Module {
 public:
  /// A kernel of 3 has padding 1; groups: 1, or as many as channels.
  ConvNormImpl(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
               std::int64_t groups = 1);
  at::Tensor forward(const at::Tensor& x);
  void fuse();

 private:
  torch::nn::Conv2d c_ = nullptr;
  torch::nn::BatchNorm2d bn_ = nullptr;
  at::Tensor weight_, bias_;  // of both as one; undefined before fuse()
};
TORCH_MODULE(ConvNorm);

/// Three convolutions with GELU between them: 1 x 1, 3 x 3 within channels, 1 x 1. A block of the
/// first layer, where their sum with the input goes through GELU, or a change of resolution.
class ConvTripleImpl : public torch::nn::Module {
 public:
  ConvTripleImpl(std::int64_t in, std::int64_t hidden, std::int64_t out, std::int64_t stride,
                 bool residual);
  /// x [B, in, h, w] -> [B, out, h / stride, w / stride]
  at::Tensor forward(const at::Tensor& x);

 private:
  bool residual_;
  ConvNorm conv1_ = nullptr, conv2_ = nullptr, conv3_ = nullptr;
};
TORCH_MODULE(ConvTriple);

/// A block of TinyViT: attention within windows, a convolution within channels, an MLP.
class TinyVitBlockImpl : public torch::nn::Module {
 public:
  TinyVitBlockImpl(std::int64_t width, std::int64_t heads, std::int64_t window);
  /// x [B, h, w, width] -> the same
  at::Tensor forward(const at::Tensor& x);

 private:
  at::Tensor attend(const at::Tensor& windows);

  std::int64_t heads_;
  std::int64_t window_;
  at::Tensor attention_biases_;  // [heads, window^2], by |rows apart| * window + |columns apart|
  at::Tensor bias_places_;       // [window^2 * window^2], which of them
  torch::nn::LayerNorm norm_ = nullptr, mlp_norm_ = nullptr;
  torch::nn::Linear qkv_ = nullptr, proj_ = nullptr, fc1_ = nullptr, fc2_ = nullptr;
  ConvNorm local_conv_ = nullptr;
};
TORCH_MODULE(TinyVitBlock);

/// MobileSAM's image encoder under the official names (docs/sam.md#tinyvit).
class TinyVitImpl : public ImageEncoder {
 public:
  TinyVitImpl(const TinyVitOptions& options, std::int64_t side);
  at::Tensor forward(const at::Tensor& images) override;
  /// Fuses each convolution with its batch norm.
  void weights_are_set() override;

 private:
  ConvNorm stem0_ = nullptr, stem2_ = nullptr;
  std::vector<ConvTriple> first_;                  // blocks of the first layer
  std::vector<std::vector<TinyVitBlock>> blocks_;  // of the others
  std::vector<ConvTriple> downsample_;             // behind the first three
  torch::nn::Sequential neck_ = nullptr;
};
TORCH_MODULE(TinyVit);

}  // namespace pcnet::sam
