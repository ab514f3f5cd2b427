#include "pcnet/sam/mask_decoder.h"

#include <cmath>
#include <memory>
#include <string>

namespace pcnet::sam {

namespace nn = torch::nn;

namespace {

constexpr std::int64_t kHeads = 8;
constexpr std::int64_t kInner = kFeatures / 2;  // of attention between tokens and cells
constexpr std::int64_t kHidden = 2048;
constexpr int kLayers = 2;
constexpr std::int64_t kFirstUpscaled = kFeatures / 4;
constexpr std::int64_t kUpscaled = kFeatures / 8;

nn::LayerNorm layer_norm() { return nn::LayerNorm(nn::LayerNormOptions({kFeatures})); }

/// An MLP of three layers under `layers.0` to `layers.2`.
std::vector<nn::Linear> add_mlp(nn::Module& parent, const std::string& name, std::int64_t out) {
  auto mlp = std::make_shared<nn::Module>(name);
  auto layers = std::make_shared<nn::Module>("layers");
  std::vector<nn::Linear> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(layers->register_module(std::to_string(i),
                                          nn::Linear(kFeatures, i == 2 ? out : kFeatures)));
  }
  mlp->register_module("layers", layers);
  parent.register_module(name, mlp);
  return all;
}

at::Tensor through(std::vector<nn::Linear>& mlp, at::Tensor x) {
  for (std::size_t i = 0; i < mlp.size(); ++i) {
    x = mlp[i](x);
    if (i + 1 < mlp.size()) x = x.relu();
  }
  return x;
}

at::Tensor by_heads(const at::Tensor& x) {
  return x.view({x.size(0), x.size(1), kHeads, x.size(2) / kHeads}).transpose(1, 2);
}

/// A transposed convolution with kernel and stride 2 as a product: x [..., in] -> [..., 2, 2, out].
at::Tensor doubled(const at::Tensor& x, const nn::ConvTranspose2d& conv) {
  const at::Tensor& weight = conv->weight;  // [in, out, 2, 2]
  const std::int64_t out = weight.size(1);
  const at::Tensor matrix = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), 4 * out});
  auto shape = x.sizes().vec();
  shape.back() = 2;
  shape.insert(shape.end(), {2, out});
  return at::matmul(x, matrix).view(shape) + conv->bias;
}

}  // namespace

DecoderAttentionImpl::DecoderAttentionImpl(std::int64_t inner) {
  q_proj = register_module("q_proj", nn::Linear(kFeatures, inner));
  k_proj = register_module("k_proj", nn::Linear(kFeatures, inner));
  v_proj = register_module("v_proj", nn::Linear(kFeatures, inner));
  out_proj_ = register_module("out_proj", nn::Linear(inner, kFeatures));
}

at::Tensor DecoderAttentionImpl::attend(const at::Tensor& query, const at::Tensor& key,
                                        const at::Tensor& value) {
  const std::int64_t channels = query.size(2) / kHeads;
  const double scale = 1 / std::sqrt(static_cast<double>(channels));
  const at::Tensor scores =
      at::matmul(by_heads(query), by_heads(key).transpose(2, 3)).mul_(scale).softmax(-1);
  const at::Tensor seen = at::matmul(scores, by_heads(value)).transpose(1, 2);
  return out_proj_(seen.reshape({seen.size(0), seen.size(1), query.size(2)}));
}

at::Tensor DecoderAttentionImpl::forward(const at::Tensor& query, const at::Tensor& key,
                                         const at::Tensor& value) {
  return attend(q_proj(query), k_proj(key), v_proj(value));
}

TwoWayLayerImpl::TwoWayLayerImpl(bool first) : first_(first) {
  self_attn_ = register_module("self_attn", DecoderAttention(kFeatures));
  token_to_image_ = register_module("cross_attn_token_to_image", DecoderAttention(kInner));
  image_to_token_ = register_module("cross_attn_image_to_token", DecoderAttention(kInner));
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    norms_[i] = register_module("norm" + std::to_string(i + 1), layer_norm());
  }
  auto mlp = std::make_shared<nn::Module>("mlp");
  lin1_ = mlp->register_module("lin1", nn::Linear(kFeatures, kHidden));
  lin2_ = mlp->register_module("lin2", nn::Linear(kHidden, kFeatures));
  register_module("mlp", mlp);
}

TwoWayLayerImpl::Cells TwoWayLayerImpl::look_at(const at::Tensor& cells, const at::Tensor& places) {
  const at::Tensor placed = cells + places;
  return {.cells = cells,
          .places = places,
          .keys = token_to_image_->k_proj(placed),
          .values = token_to_image_->v_proj(cells),
          .queries = image_to_token_->q_proj(placed)};
}

at::Tensor TwoWayLayerImpl::forward(const at::Tensor& tokens, const at::Tensor& codes,
                                    const Cells& seen, at::Tensor& cells) {
  const at::Tensor coded = first_ ? tokens : tokens + codes;
  at::Tensor x = self_attn_(coded, coded, tokens);
  x = norms_[0]->forward(first_ ? x : tokens + x);
  x = norms_[1]->forward(
      x + token_to_image_->attend(token_to_image_->q_proj(x + codes), seen.keys, seen.values));
  x = norms_[2]->forward(x + lin2_(lin1_(x).relu_()));
  cells = norms_[3]->forward(
      seen.cells + image_to_token_->attend(seen.queries, image_to_token_->k_proj(x + codes),
                                           image_to_token_->v_proj(x)));
  return x;
}

MaskDecoderImpl::MaskDecoderImpl() {
  auto transformer = std::make_shared<nn::Module>("transformer");
  auto layers = std::make_shared<nn::Module>("layers");
  for (int i = 0; i < kLayers; ++i) {
    layers_.push_back(layers->register_module(std::to_string(i), TwoWayLayer(i == 0)));
  }
  transformer->register_module("layers", layers);
  final_attn_ = transformer->register_module("final_attn_token_to_image", DecoderAttention(kInner));
  norm_final_ = transformer->register_module("norm_final_attn", layer_norm());
  register_module("transformer", transformer);
  iou_token_ = register_module("iou_token", nn::Embedding(1, kFeatures));
  mask_tokens_ = register_module("mask_tokens", nn::Embedding(kMasks, kFeatures));
  const auto doubling = [](std::int64_t in, std::int64_t out) {
    return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, 2).stride(2));
  };
  auto upscaling = std::make_shared<nn::Module>("output_upscaling");
  upscale0_ = upscaling->register_module("0", doubling(kFeatures, kFirstUpscaled));
  upscale1_ = upscaling->register_module("1", LayerNorm2d(kFirstUpscaled));
  upscale3_ = upscaling->register_module("3", doubling(kFirstUpscaled, kUpscaled));
  register_module("output_upscaling", upscaling);
  auto mlps = std::make_shared<nn::Module>("output_hypernetworks_mlps");
  for (std::int64_t i = 0; i < kMasks; ++i) {
    kernels_.push_back(add_mlp(*mlps, std::to_string(i), kUpscaled));
  }
  register_module("output_hypernetworks_mlps", mlps);
  iou_head_ = add_mlp(*this, "iou_prediction_head", kMasks);
}

MaskDecoderImpl::Image MaskDecoderImpl::look_at(const at::Tensor& embeddings,
                                                const at::Tensor& dense, const at::Tensor& places) {
  const auto rows = [](const at::Tensor& grid) { return grid.flatten(2).transpose(1, 2); };
  return {layers_[0]->look_at(rows(embeddings + dense), rows(places.unsqueeze(0))),
          embeddings.size(2)};
}

MaskDecoderImpl::Masks MaskDecoderImpl::forward(const Image& image, const at::Tensor& sparse,
                                                Outputs outputs) {
  const std::int64_t count = sparse.size(0);
  const at::Tensor own = at::cat({iou_token_->weight, mask_tokens_->weight});
  const at::Tensor codes =
      at::cat({own.unsqueeze(0).expand({count, 1 + kMasks, kFeatures}), sparse}, 1);
  at::Tensor cells;
  at::Tensor tokens = layers_[0]->forward(codes, codes, image.first, cells);
  const at::Tensor& places = image.first.places;
  tokens = layers_[1]->forward(tokens, codes, layers_[1]->look_at(cells, places), cells);
  tokens = norm_final_->forward(tokens + final_attn_(tokens + codes, cells + places, cells));

  const std::int64_t first = outputs == Outputs::kSingle ? 0 : 1;
  const std::int64_t last = outputs == Outputs::kSingle ? 1 : kMasks;
  std::vector<at::Tensor> kernels;
  for (std::int64_t i = first; i < last; ++i) {
    kernels.push_back(through(kernels_[static_cast<std::size_t>(i)], tokens.select(1, 1 + i)));
  }
  return {masks_of(cells, at::stack(kernels, 2), image.grid),
          through(iou_head_, tokens.select(1, 0)).slice(1, first, last)};
}

/// cells [B, cells, 256] and kernels [B, 32, M] -> [B, M, 4 grid, 4 grid]. A cell's pixels stay
/// beside each other up to the masks, which are far smaller than what they are made of.
at::Tensor MaskDecoderImpl::masks_of(const at::Tensor& cells, const at::Tensor& kernels,
                                     std::int64_t grid) {
  const std::int64_t count = cells.size(0);
  const at::Tensor once = at::gelu(upscale1_->rows(doubled(cells, upscale0_)));
  const at::Tensor twice = at::gelu(doubled(once, upscale3_)).view({count, -1, kUpscaled});
  // [B, i, j, a, b, c, d, M]: row 4 i + 2 a + c, column 4 j + 2 b + d
  return at::bmm(twice, kernels)
      .view({count, grid, grid, 2, 2, 2, 2, kernels.size(2)})
      .permute({0, 7, 1, 3, 5, 2, 4, 6})
      .reshape({count, kernels.size(2), 4 * grid, 4 * grid});
}

}  // namespace pcnet::sam
