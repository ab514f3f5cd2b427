#include "pcnet/clip/modified_resnet.h"

#include <cmath>

#include <ATen/autocast_mode.h>

#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/norm_relu.h"
#include "pcnet/core/recompute.h"

namespace pcnet::clip {

namespace nn = torch::nn;
namespace F = torch::nn::functional;

namespace {

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t stride = 1) {
  return nn::Conv2d(
      nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

/// The mean of each square of 2 x 2 cells. LibTorch's gradient of it takes longer on a GPU than the
/// convolutions beside it; that of a mean without overlaps is a quarter of each cell's, four times.
class MeanOfSquares : public torch::autograd::Function<MeanOfSquares> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x) {
    context->saved_data["height"] = x.size(2);
    context->saved_data["width"] = x.size(3);
    return at::avg_pool2d(x, {2, 2});
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    return {at::upsample_nearest2d(gradients.at(0) * 0.25, {context->saved_data["height"].toInt(),
                                                            context->saved_data["width"].toInt()})};
  }
};

at::Tensor average_pool(const at::Tensor& x, std::int64_t stride) {
  if (stride == 1) return x;
  const bool whole = x.size(2) % stride == 0 && x.size(3) % stride == 0;
  return stride == 2 && whole ? MeanOfSquares::apply(x) : at::avg_pool2d(x, {stride, stride});
}

/// In which a folded convolution computes: autocast looks at no operation of theirs.
at::ScalarType folded_type(const at::Tensor& images) {
  return at::autocast::is_autocast_enabled(at::kCPU) ? at::autocast::get_autocast_dtype(at::kCPU)
                                                     : images.scalar_type();
}

}  // namespace

BottleneckImpl::BottleneckImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride)
    : stride_(stride) {
  const std::int64_t out_channels = width * kExpansion;
  conv1_ = register_module("conv1", convolution(in_channels, width, 1));
  bn1_ = register_module("bn1", core::BatchNorm2d(width));
  conv2_ = register_module("conv2", convolution(width, width, 3));
  bn2_ = register_module("bn2", core::BatchNorm2d(width));
  conv3_ = register_module("conv3", convolution(width, out_channels, 1));
  bn3_ = register_module("bn3", core::BatchNorm2d(out_channels));
  if (stride > 1 || in_channels != out_channels) {
    shortcut_conv_ = convolution(in_channels, out_channels, 1);
    shortcut_norm_ = core::BatchNorm2d(out_channels);
    // CLIP's names: "-1" is the pooling, which has no weights.
    auto downsample = std::make_shared<nn::Module>("downsample");
    downsample->register_module("0", shortcut_conv_.ptr());
    downsample->register_module("1", shortcut_norm_.ptr());
    register_module("downsample", downsample);
    folded_shortcut_ = {shortcut_conv_, shortcut_norm_.ptr()};
  }
  folded1_ = {conv1_, bn1_.ptr()};
  folded2_ = {conv2_, bn2_.ptr()};
  folded3_ = {conv3_, bn3_.ptr()};
}

at::Tensor BottleneckImpl::forward(const at::Tensor& x) {
  at::Tensor out = core::normed_relu(*bn1_, conv1_(x));
  out = core::normed_relu(*bn2_, conv2_(out));
  out = conv3_(average_pool(out, stride_));
  if (shortcut_conv_.is_empty()) return core::normed_add_relu(*bn3_, out, x);
  return core::normed_add_relu(
      *bn3_, out, core::normed(*shortcut_norm_, shortcut_conv_(average_pool(x, stride_))));
}

at::Tensor BottleneckImpl::forward_folded(const at::Tensor& x) {
  const at::Tensor out = average_pool(folded2_.relu(folded1_.relu(x)), stride_);
  if (shortcut_conv_.is_empty()) return folded3_.add_relu(out, x);
  return folded3_.add_relu(out, folded_shortcut_.plain(average_pool(x, stride_)));
}

void BottleneckImpl::train(bool on) {
  Module::train(on);
  if (!on) return;
  for (auto* folded : {&folded1_, &folded2_, &folded3_, &folded_shortcut_}) folded->forget();
}

AttentionPoolImpl::AttentionPoolImpl(std::int64_t grid, std::int64_t channels, std::int64_t heads,
                                     std::int64_t output_dim)
    : grid_(grid), heads_(heads) {
  positional_embedding_ =
      register_parameter("positional_embedding", torch::randn({grid * grid + 1, channels}) /
                                                     std::sqrt(static_cast<double>(channels)));
  q_proj_ = register_module("q_proj", nn::Linear(channels, channels));
  k_proj_ = register_module("k_proj", nn::Linear(channels, channels));
  v_proj_ = register_module("v_proj", nn::Linear(channels, channels));
  c_proj_ = register_module("c_proj", nn::Linear(channels, output_dim));
  const torch::NoGradGuard no_grad;
  const double deviation = 1 / std::sqrt(static_cast<double>(channels));
  for (auto& projection : {q_proj_, k_proj_, v_proj_, c_proj_}) {
    projection->weight.normal_(0, deviation);
  }
}

at::Tensor AttentionPoolImpl::positions(std::int64_t height, std::int64_t width) const {
  if (height == grid_ && width == grid_) return positional_embedding_;
  const at::Tensor cells = positional_embedding_.slice(/*dim=*/0, /*start=*/1)
                               .view({1, grid_, grid_, -1})
                               .permute({0, 3, 1, 2});
  const at::Tensor resized = at::upsample_bilinear2d(cells, {height, width}, false);
  return at::cat({positional_embedding_.slice(/*dim=*/0, /*start=*/0, /*end=*/1),
                  resized.flatten(/*start_dim=*/2).transpose(1, 2).squeeze(0)});
}

at::Tensor AttentionPoolImpl::forward(const at::Tensor& grid) {
  const std::int64_t batch = grid.size(0);
  const std::int64_t channels = grid.size(1);
  const at::Tensor cells = grid.flatten(/*start_dim=*/2).transpose(1, 2);  // [B, P, channels]
  const at::Tensor tokens = at::cat({cells.mean(/*dim=*/1, /*keepdim=*/true), cells}, /*dim=*/1) +
                            positions(grid.size(2), grid.size(3));
  const auto split = [&](const at::Tensor& x) {  // -> [B, heads, tokens, channels / heads]
    return x.view({batch, -1, heads_, channels / heads_}).transpose(1, 2);
  };
  const at::Tensor query = q_proj_(tokens.slice(/*dim=*/1, /*start=*/0, /*end=*/1));
  const at::Tensor attended = at::scaled_dot_product_attention(split(query), split(k_proj_(tokens)),
                                                               split(v_proj_(tokens)));
  return c_proj_(attended.transpose(1, 2).reshape({batch, channels}));
}

ModifiedResNetImpl::ModifiedResNetImpl(const config::VisualOptions& visual) : options(visual) {
  config::validate(options);
  const std::int64_t half = options.width / 2;
  conv1_ = register_module("conv1", convolution(3, half, 3, 2));
  bn1_ = register_module("bn1", core::BatchNorm2d(half));
  conv2_ = register_module("conv2", convolution(half, half, 3));
  bn2_ = register_module("bn2", core::BatchNorm2d(half));
  conv3_ = register_module("conv3", convolution(half, options.width, 3));
  bn3_ = register_module("bn3", core::BatchNorm2d(options.width));
  folded1_ = {conv1_, bn1_.ptr()};
  folded2_ = {conv2_, bn2_.ptr()};
  folded3_ = {conv3_, bn3_.ptr()};
  std::int64_t channels = options.width;
  for (std::size_t i = 0; i < options.layers.size(); ++i) {
    const std::int64_t width = options.width << i;
    nn::Sequential layer;
    for (std::int64_t block = 0; block < options.layers[i]; ++block) {
      layer->push_back(Bottleneck(channels, width, block == 0 ? options.strides[i] : 1));
      channels = width * BottleneckImpl::kExpansion;
    }
    layers_.push_back(register_module(core::cat("layer", i + 1), layer));
  }
  if (options.attention_pool) {
    attnpool_ = register_module("attnpool", AttentionPool(options.resolution / stride(), channels,
                                                          options.heads, options.output_dim));
  }
  initialise();
}

void ModifiedResNetImpl::initialise() {
  // CLIP starts each residual branch at zero, so that a block is its shortcut at first.
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    if (parameter.key().ends_with("bn3.weight") && parameter.key().starts_with("layer")) {
      parameter.value().zero_();
    }
  }
}

at::Tensor ModifiedResNetImpl::stem(const at::Tensor& images) {
  at::Tensor x = core::normed_relu(*bn1_, conv1_(images));
  x = core::normed_relu(*bn2_, conv2_(x));
  return average_pool(core::normed_relu(*bn3_, conv3_(x)), 2);
}

at::Tensor ModifiedResNetImpl::layer(std::size_t index, at::Tensor x) {
  if (!recompute_) return layers_[index]->forward(x);
  for (const auto& child : layers_[index]->children()) {
    const auto block = std::dynamic_pointer_cast<BottleneckImpl>(child);
    x = core::recomputed(
        *block, [block](const at::Tensor& in) { return block->forward(in); }, x);
  }
  return x;
}

at::Tensor ModifiedResNetImpl::stem_folded(const at::Tensor& images) {
  return average_pool(folded3_.relu(folded2_.relu(folded1_.relu(images))), 2);
}

at::Tensor ModifiedResNetImpl::layer_folded(std::size_t index, at::Tensor x) {
  for (const auto& child : layers_[index]->children()) {
    x = std::dynamic_pointer_cast<BottleneckImpl>(child)->forward_folded(x);
  }
  return x;
}

bool ModifiedResNetImpl::is_folded(const at::Tensor& images) const {
  return folded_ && !is_training() && !at::GradMode::is_enabled() && images.is_cpu() &&
         folded_type(images) != at::kHalf;
}

void ModifiedResNetImpl::train(bool on) {
  Module::train(on);
  if (!on) return;
  for (auto* folded : {&folded1_, &folded2_, &folded3_}) folded->forget();
}

template <class Visit>
at::Tensor ModifiedResNetImpl::run(const at::Tensor& images, Visit visit) {
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) < stride() ||
      images.size(3) < stride()) {
    throw core::Error(core::cat("images: got ", images.sizes(),
                                ", wanted [B, 3, H, W] with sides of at least ", stride(), " px"));
  }
  const bool fold = is_folded(images);
  const auto first = [this, fold](const at::Tensor& pictures) {
    return fold ? stem_folded(pictures) : stem(pictures);
  };
  const at::Tensor in = fold ? images.to(folded_type(images)) : images;
  at::Tensor x = recompute_ ? core::recomputed(*this, first, in) : first(in);
  visit("stem", x);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = fold ? layer_folded(i, x) : layer(i, x);
    visit(core::cat("layer", i + 1), x);
  }
  return x;
}

at::Tensor ModifiedResNetImpl::forward(const at::Tensor& images) {
  return run(images, [](const std::string&, const at::Tensor&) {});
}

std::map<std::string, at::Tensor> ModifiedResNetImpl::features(const at::Tensor& images) {
  std::map<std::string, at::Tensor> named;
  run(images, [&](const std::string& name, const at::Tensor& x) { named[name] = x; });
  return named;
}

at::Tensor ModifiedResNetImpl::pool(const at::Tensor& grid) {
  if (attnpool_.is_empty()) {
    throw core::Error("the image encoder has no attention pool (model.clip.visual.attention_pool)");
  }
  return attnpool_(grid);
}

}  // namespace pcnet::clip
