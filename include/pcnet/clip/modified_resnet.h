#pragma once

#include <map>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "pcnet/clip/image_encoder.h"
#include "pcnet/config/clip_options.h"
#include "pcnet/core/folded_convolution.h"
#include "pcnet/core/norm_relu.h"

namespace pcnet::clip {

/// CLIP's bottleneck: 1x1, 3x3 and 1x1 convolutions with batch norm; down-sampling is an average
/// pooling before the last convolution and on the shortcut.
class BottleneckImpl : public torch::nn::Module {
 public:
  BottleneckImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride);
  /// x [B, in, h, w] -> [B, 4 width, h / stride, w / stride]
  at::Tensor forward(const at::Tensor& x);
  /// The same with folded norms: in evaluation and without gradients.
  at::Tensor forward_folded(const at::Tensor& x);
  /// Training forgets the folded norms.
  void train(bool on = true) override;

  static constexpr std::int64_t kExpansion = 4;

 private:
  std::int64_t stride_;
  torch::nn::Conv2d conv1_ = nullptr, conv2_ = nullptr, conv3_ = nullptr;
  core::BatchNorm2d bn1_ = nullptr, bn2_ = nullptr, bn3_ = nullptr;
  torch::nn::Conv2d shortcut_conv_ = nullptr;
  core::BatchNorm2d shortcut_norm_ = nullptr;
  core::FoldedConvolution folded1_, folded2_, folded3_, folded_shortcut_;
};
TORCH_MODULE(Bottleneck);

/// CLIP's attention pool: one query, the mean of the cells, looks at the mean and all cells.
class AttentionPoolImpl : public torch::nn::Module {
 public:
  /// @param grid side of the square grid that the positional embedding is made for
  AttentionPoolImpl(std::int64_t grid, std::int64_t channels, std::int64_t heads,
                    std::int64_t output_dim);
  /// grid [B, channels, h, w] -> [B, output_dim]; for another h x w the positions are resized
  /// bilinearly (align_corners = false).
  at::Tensor forward(const at::Tensor& grid);

 private:
  at::Tensor positions(std::int64_t height, std::int64_t width) const;

  std::int64_t grid_;
  std::int64_t heads_;
  at::Tensor positional_embedding_;
  torch::nn::Linear q_proj_ = nullptr, k_proj_ = nullptr, v_proj_ = nullptr, c_proj_ = nullptr;
};
TORCH_MODULE(AttentionPool);

/// CLIP's ResNet with its own state-dict names (`conv1`, `layer1.0.downsample.0`, `attnpool...`).
/// Any number of layers: RN50, RN101 and the tiny one differ in options alone.
class ModifiedResNetImpl : public ImageEncoder {
 public:
  explicit ModifiedResNetImpl(const config::VisualOptions& options);

  /// The last layer's feature.
  at::Tensor forward(const at::Tensor& images) override;
  /// `stem`, `layer1`, ...
  std::map<std::string, at::Tensor> features(const at::Tensor& images) override;
  /// By the attention pool; Error without one.
  at::Tensor pool(const at::Tensor& grid) override;
  void set_recompute(bool on) override { recompute_ = on; }
  void set_folded(bool on) override { folded_ = on; }
  /// Training forgets the folded norms.
  void train(bool on = true) override;
  std::int64_t feature_channels() const override { return options.feature_channels(); }
  std::int64_t stride() const override { return options.stride(); }
  const config::VisualOptions options;

 private:
  at::Tensor stem(const at::Tensor& images);
  at::Tensor stem_folded(const at::Tensor& images);
  at::Tensor layer(std::size_t index, at::Tensor x);
  at::Tensor layer_folded(std::size_t index, at::Tensor x);
  bool is_folded(const at::Tensor& images) const;
  /// Runs the network and shows `visit(name, output)` what the stem and each layer give.
  template <class Visit>
  at::Tensor run(const at::Tensor& images, Visit visit);
  void initialise();

  bool recompute_ = false;
  bool folded_ = false;
  torch::nn::Conv2d conv1_ = nullptr, conv2_ = nullptr, conv3_ = nullptr;
  core::BatchNorm2d bn1_ = nullptr, bn2_ = nullptr, bn3_ = nullptr;
  core::FoldedConvolution folded1_, folded2_, folded3_;
  std::vector<torch::nn::Sequential> layers_;
  AttentionPool attnpool_ = nullptr;
};
TORCH_MODULE(ModifiedResNet);

}  // namespace pcnet::clip
