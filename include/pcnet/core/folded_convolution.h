#pragma once

#include <memory>

#include <torch/torch.h>

#include "pcnet/core/made_from.h"

namespace pcnet::core {

/// A batch norm in evaluation: (x - mean) / sqrt(variance + epsilon) * scale + shift, each [C].
struct NormValues {
  at::Tensor scale, shift, mean, variance;
  double epsilon;
};

/// weight [C, in / groups, kh, kw], bias [C]
struct ConvolutionWeights {
  at::Tensor weight, bias;
};

/// The one convolution that does what one without bias and the norm behind it do, without a graph.
/// A norm that does nothing changes no bit.
ConvolutionWeights folded(const at::Tensor& weight, const NormValues& norm);
ConvolutionWeights folded(const torch::nn::Conv2dImpl& convolution,
                          const torch::nn::BatchNorm2dImpl& norm);

/// A convolution without bias and the batch norm behind it as one, in evaluation and without
/// gradients. It is folded at the first call, and anew once a weight or a statistic has been
/// written or exchanged, or x has another type, in which all is computed. On a processor, sum and
/// ReLU are a part of the convolution (oneDNN, fp32 and bf16). Several threads may call it.
class FoldedConvolution {
 public:
  FoldedConvolution() = default;  ///< of nothing, until it is assigned to
  FoldedConvolution(torch::nn::Conv2d convolution,
                    std::shared_ptr<torch::nn::BatchNorm2dImpl> norm);

  /// norm(convolution(x)), x [B, in, h, w]
  at::Tensor plain(const at::Tensor& x);
  /// ReLU(norm(convolution(x)))
  at::Tensor relu(const at::Tensor& x);
  /// ReLU(norm(convolution(x)) + other)
  at::Tensor add_relu(const at::Tensor& x, const at::Tensor& other);
  /// Frees what was folded.
  void forget() { ready_.forget(); }

 private:
  struct Ready {
    ConvolutionWeights with;
    bool packed = false;  // for oneDNN
  };
  Ready ready(const at::Tensor& x);

  torch::nn::Conv2d convolution_ = nullptr;
  std::shared_ptr<torch::nn::BatchNorm2dImpl> norm_;
  MadeFrom<Ready> ready_;
};

}  // namespace pcnet::core
