#include "pcnet/sam/tiny_vit.h"

#include <cmath>
#include <utility>

#include "pcnet/core/folded_convolution.h"
#include "pcnet/sam/vision_transformer.h"

namespace pcnet::sam {

namespace nn = torch::nn;

namespace {

constexpr std::int64_t kLastOfStride1 = 320;  // MobileSAM's last change of width keeps the grid

at::Tensor activated(at::Tensor x) { return at::gelu_(x); }

}  // namespace

ConvNormImpl::ConvNormImpl(std::int64_t in, std::int64_t out, std::int64_t kernel,
                           std::int64_t stride, std::int64_t groups) {
  c_ = register_module("c", nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                                           .stride(stride)
                                           .padding(kernel / 2)
                                           .groups(groups)
                                           .bias(false)));
  bn_ = register_module("bn", nn::BatchNorm2d(out));
}

void ConvNormImpl::fuse() {
  auto [weight, bias] = core::folded(*c_, *bn_);
  weight_ = std::move(weight);
  bias_ = std::move(bias);
}

at::Tensor ConvNormImpl::forward(const at::Tensor& x) {
  if (!weight_.defined()) {
    const at::Tensor y = c_(x);
    return at::batch_norm(y, bn_->weight, bn_->bias, bn_->running_mean, bn_->running_var,
                          /*training=*/false, 0, bn_->options.eps(), /*cudnn_enabled=*/true);
  }
  const auto& o = c_->options;
  return at::conv2d(x, weight_, bias_, o.stride(), std::get<torch::ExpandingArray<2>>(o.padding()),
                    o.dilation(), o.groups());
}

ConvTripleImpl::ConvTripleImpl(std::int64_t in, std::int64_t hidden, std::int64_t out,
                               std::int64_t stride, bool residual)
    : residual_(residual) {
  conv1_ = register_module("conv1", ConvNorm(in, hidden, 1));
  conv2_ = register_module("conv2", ConvNorm(hidden, hidden, 3, stride, hidden));
  conv3_ = register_module("conv3", ConvNorm(hidden, out, 1));
}

at::Tensor ConvTripleImpl::forward(const at::Tensor& x) {
  at::Tensor y = conv3_(activated(conv2_(activated(conv1_(x)))));
  return residual_ ? activated(y.add_(x)) : y;
}

TinyVitBlockImpl::TinyVitBlockImpl(std::int64_t width, std::int64_t heads, std::int64_t window)
    : heads_(heads), window_(window) {
  auto attention = std::make_shared<nn::Module>("attn");
  attention_biases_ =
      attention->register_parameter("attention_biases", torch::zeros({heads, window * window}));
  norm_ = attention->register_module("norm", nn::LayerNorm(nn::LayerNormOptions({width})));
  qkv_ = attention->register_module("qkv", nn::Linear(width, 3 * width));
  proj_ = attention->register_module("proj", nn::Linear(width, width));
  register_module("attn", attention);
  auto mlp = std::make_shared<nn::Module>("mlp");
  mlp_norm_ = mlp->register_module("norm", nn::LayerNorm(nn::LayerNormOptions({width})));
  fc1_ = mlp->register_module("fc1", nn::Linear(width, 4 * width));
  fc2_ = mlp->register_module("fc2", nn::Linear(4 * width, width));
  register_module("mlp", mlp);
  local_conv_ = register_module("local_conv", ConvNorm(width, width, 3, 1, width));

  const at::Tensor cells = torch::arange(window * window, at::kLong);
  const at::Tensor rows = cells.div(window, "floor");
  const at::Tensor columns = cells.remainder(window);
  const auto apart = [](const at::Tensor& of) { return (of.unsqueeze(1) - of).abs(); };
  bias_places_ = (apart(rows) * window + apart(columns)).flatten();
}

at::Tensor TinyVitBlockImpl::attend(const at::Tensor& windows) {
  const std::int64_t cells = window_ * window_;
  const std::int64_t width = windows.size(3);
  const std::int64_t channels = width / heads_;
  const at::Tensor normed = norm_->forward(windows).view({windows.size(0), cells, width});
  // Each head has its queries, keys and values side by side.
  const at::Tensor packed =
      qkv_(normed).view({windows.size(0), cells, heads_, 3, channels}).permute({3, 0, 2, 1, 4});
  const at::Tensor bias =
      attention_biases_.index_select(1, bias_places_.to(attention_biases_.device()))
          .view({1, heads_, cells, cells});
  const double scale = 1 / std::sqrt(static_cast<double>(channels));
  const at::Tensor scores =
      at::matmul(packed[0] * scale, packed[1].transpose(-2, -1)).add_(bias).softmax(-1);
  return proj_(at::matmul(scores, packed[2]).transpose(1, 2).reshape(windows.sizes()));
}

at::Tensor TinyVitBlockImpl::forward(const at::Tensor& x) {
  // Unlike in the plain transformer the norm comes behind the padding.
  at::Tensor y = x + from_windows(attend(to_windows(x, window_)), x.size(0), x.size(1), x.size(2));
  y = local_conv_(y.permute({0, 3, 1, 2})).permute({0, 2, 3, 1});
  return y + fc2_(activated(fc1_(mlp_norm_(y))));
}

TinyVitImpl::TinyVitImpl(const TinyVitOptions& options, std::int64_t /*side*/) {
  auto embed = std::make_shared<nn::Module>("patch_embed");
  auto stem = std::make_shared<nn::Module>("seq");
  stem0_ = stem->register_module("0", ConvNorm(3, options.widths[0] / 2, 3, 2));
  stem2_ = stem->register_module("2", ConvNorm(options.widths[0] / 2, options.widths[0], 3, 2));
  embed->register_module("seq", stem);
  register_module("patch_embed", embed);
  auto layers = std::make_shared<nn::Module>("layers");
  blocks_.resize(options.widths.size());
  for (std::size_t i = 0; i < options.widths.size(); ++i) {
    const std::int64_t width = options.widths[i];
    auto layer = std::make_shared<nn::Module>("layer");
    auto blocks = std::make_shared<nn::Module>("blocks");
    for (std::int64_t j = 0; j < options.blocks[i]; ++j) {
      const std::string name = std::to_string(j);
      if (i == 0) {
        first_.push_back(blocks->register_module(
            name, ConvTriple(width, 4 * width, width, 1, /*residual=*/true)));
      } else {
        blocks_[i].push_back(blocks->register_module(
            name, TinyVitBlock(width, options.heads[i], options.windows[i])));
      }
    }
    layer->register_module("blocks", blocks);
    if (i + 1 < options.widths.size()) {
      const std::int64_t next = options.widths[i + 1];
      const std::int64_t stride = next == kLastOfStride1 ? 1 : 2;
      downsample_.push_back(layer->register_module(
          "downsample", ConvTriple(width, next, next, stride, /*residual=*/false)));
    }
    layers->register_module(std::to_string(i), layer);
  }
  register_module("layers", layers);
  neck_ = register_module("neck", make_neck(options.widths.back()));
}

void TinyVitImpl::weights_are_set() {
  for (const auto& module : modules()) {
    if (auto* part = dynamic_cast<ConvNormImpl*>(module.get())) part->fuse();
  }
}

at::Tensor TinyVitImpl::forward(const at::Tensor& images) {
  at::Tensor x = stem2_(activated(stem0_(images.contiguous(at::MemoryFormat::ChannelsLast))));
  for (auto& block : first_) x = block(x);
  for (std::size_t i = 1; i < blocks_.size(); ++i) {
    x = downsample_[i - 1](x).permute({0, 2, 3, 1});
    for (auto& block : blocks_[i]) x = block(x);
    x = x.permute({0, 3, 1, 2});
  }
  return neck_->forward(x);
}

}  // namespace pcnet::sam
