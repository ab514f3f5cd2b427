#include "pcnet/core/folded_convolution.h"

#include <optional>
#include <string_view>
#include <utility>

#include "onednn.h"

namespace pcnet::core {

namespace {

namespace nn = torch::nn;

using OptionalTensor = std::optional<at::Tensor>;
using OptionalWord = std::optional<std::string_view>;
using Numbers = c10::List<std::optional<at::Scalar>>;
using Sizes = at::IntArrayRef;
using Options = decltype(nn::Conv2dImpl::options);

// LibTorch's convolutions with what follows in the same kernel. Its C++ interface lacks them.
using WithActivation = at::Tensor(const at::Tensor& x, const at::Tensor& weight,
                                  const OptionalTensor& bias, Sizes padding, Sizes stride,
                                  Sizes dilation, std::int64_t groups, std::string_view activation,
                                  Numbers, OptionalWord);
using WithSum = at::Tensor(const at::Tensor& x, const at::Tensor& other, const at::Tensor& weight,
                           const OptionalTensor& bias, Sizes padding, Sizes stride, Sizes dilation,
                           std::int64_t groups, std::string_view operation,
                           std::optional<at::Scalar> factor, OptionalWord activation, Numbers,
                           OptionalWord);

Sizes padding_of(const Options& options) {
  return std::get<torch::ExpandingArray<2>>(options.padding());
}

at::Tensor convolution(const at::Tensor& x, const ConvolutionWeights& with,
                       const Options& options) {
  return at::conv2d(x, with.weight, with.bias, options.stride(), padding_of(options),
                    options.dilation(), options.groups());
}

at::Tensor packed_convolution(const at::Tensor& x, const ConvolutionWeights& with,
                              const Options& options, std::string_view activation) {
  static const auto call = operation<WithActivation>("mkldnn::_convolution_pointwise");
  return call.call(x, with.weight, with.bias, padding_of(options), options.stride(),
                   options.dilation(), options.groups(), activation, Numbers(), std::nullopt);
}

}  // namespace

ConvolutionWeights folded(const at::Tensor& weight, const NormValues& norm) {
  const torch::NoGradGuard no_grad;
  const at::Tensor factor =
      norm.scale.to(at::kDouble) / (norm.variance.to(at::kDouble) + norm.epsilon).sqrt();
  return {weight * factor.to(weight.scalar_type()).view({-1, 1, 1, 1}),
          (norm.shift - norm.mean * factor).to(weight.scalar_type())};
}

ConvolutionWeights folded(const nn::Conv2dImpl& convolution, const nn::BatchNorm2dImpl& norm) {
  return folded(convolution.weight, {.scale = norm.weight,
                                     .shift = norm.bias,
                                     .mean = norm.running_mean,
                                     .variance = norm.running_var,
                                     .epsilon = norm.options.eps()});
}

FoldedConvolution::FoldedConvolution(nn::Conv2d convolution,
                                     std::shared_ptr<nn::BatchNorm2dImpl> norm)
    : convolution_(std::move(convolution)), norm_(std::move(norm)) {}

FoldedConvolution::Ready FoldedConvolution::ready(const at::Tensor& x) {
  const bool packed = onednn_takes(x);
  const auto type = x.scalar_type();
  const auto make = [&] {
    const ConvolutionWeights exact = folded(*convolution_, *norm_);
    Ready made{{exact.weight.to(type), exact.bias.to(type)}, packed};
    if (packed) {
      const auto& options = convolution_->options;
      made.with.weight = at::mkldnn_reorder_conv2d_weight(
          made.with.weight.to_mkldnn(), padding_of(options), options.stride(), options.dilation(),
          options.groups(), x.sizes());
    }
    return made;
  };
  // Statistics that move in training leave no trace but their count's.
  return ready_.get(
      {convolution_->weight, norm_->weight, norm_->bias, norm_->running_mean, norm_->running_var,
       norm_->num_batches_tracked},
      [&](const Ready& made) {
        return packed == made.packed && type == made.with.weight.scalar_type();
      },
      make);
}

at::Tensor FoldedConvolution::plain(const at::Tensor& x) {
  const Ready now = ready(x);
  return now.packed ? packed_convolution(x, now.with, convolution_->options, "none")
                    : convolution(x, now.with, convolution_->options);
}

at::Tensor FoldedConvolution::relu(const at::Tensor& x) {
  const Ready now = ready(x);
  return now.packed ? packed_convolution(x, now.with, convolution_->options, "relu")
                    : convolution(x, now.with, convolution_->options).relu_();
}

at::Tensor FoldedConvolution::add_relu(const at::Tensor& x, const at::Tensor& other) {
  const Ready now = ready(x);
  const auto& options = convolution_->options;
  if (!now.packed) return convolution(x, now.with, options).add_(other).relu_();
  static const auto call = operation<WithSum>("mkldnn::_convolution_pointwise", "binary");
  return call.call(x, other, now.with.weight, now.with.bias, padding_of(options), options.stride(),
                   options.dilation(), options.groups(), "add", std::nullopt, "relu", Numbers(),
                   std::nullopt);
}

}  // namespace pcnet::core
