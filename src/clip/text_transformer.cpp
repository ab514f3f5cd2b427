#include "pcnet/clip/text_transformer.h"

#include <cmath>
#include <utility>

#include <ATen/autocast_mode.h>

#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/recompute.h"

#include "causal_attention.h"

namespace pcnet::clip {

namespace nn = torch::nn;

std::vector<at::Tensor> split_texts(const at::Tensor& rows, const std::vector<EqualTexts>& groups) {
  std::vector<std::int64_t> sizes;
  for (const auto& group : groups) sizes.push_back(group.count * group.length);
  std::vector<at::Tensor> parts = rows.split_with_sizes(sizes);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    parts[i] = parts[i].unflatten(/*dim=*/0, {groups[i].count, groups[i].length});
  }
  return parts;
}

at::Tensor join_texts(std::vector<at::Tensor> parts) {
  for (auto& part : parts) part = part.flatten(/*start_dim=*/0, /*end_dim=*/1);
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

namespace {

constexpr double kQuickGelu = 1.702;  // of CLIP's y sigmoid(1.702 y)

}  // namespace

ResidualAttentionBlockImpl::ResidualAttentionBlockImpl(std::int64_t width, std::int64_t heads,
                                                       std::int64_t layers)
    : heads_(heads) {
  ln_1_ = register_module("ln_1", nn::LayerNorm(nn::LayerNormOptions({width})));
  ln_2_ = register_module("ln_2", nn::LayerNorm(nn::LayerNormOptions({width})));
  auto attention = std::make_shared<nn::Module>("attn");
  in_proj_weight_ =
      attention->register_parameter("in_proj_weight", torch::empty({3 * width, width}));
  in_proj_bias_ = attention->register_parameter("in_proj_bias", torch::zeros({3 * width}));
  out_proj_ = attention->register_module("out_proj", nn::Linear(width, width));
  register_module("attn", attention);
  auto mlp = std::make_shared<nn::Module>("mlp");
  c_fc_ = mlp->register_module("c_fc", nn::Linear(width, 4 * width));
  c_proj_ = mlp->register_module("c_proj", nn::Linear(4 * width, width));
  register_module("mlp", mlp);

  packed_in_ = {in_proj_weight_, in_proj_bias_};
  packed_out_ = {out_proj_->weight, out_proj_->bias};
  // QuickGELU(y) = y sigmoid(c y) = (c y) sigmoid(c y) / c
  packed_fc_ = {c_fc_->weight, c_fc_->bias, {.weight = kQuickGelu, .bias = kQuickGelu}};
  packed_proj_ = {c_proj_->weight, c_proj_->bias, {.weight = 1 / kQuickGelu}};

  // CLIP's initial deviations: the residual branches shrink with the depth.
  const torch::NoGradGuard no_grad;
  const auto w = static_cast<double>(width);
  const double branch = 1 / std::sqrt(w * 2 * static_cast<double>(layers));
  in_proj_weight_.normal_(0, 1 / std::sqrt(w));
  out_proj_->weight.normal_(0, branch);
  out_proj_->bias.zero_();
  c_fc_->weight.normal_(0, 1 / std::sqrt(2 * w));
  c_proj_->weight.normal_(0, branch);
}

at::Tensor ResidualAttentionBlockImpl::attend(const at::Tensor& x,
                                              const std::vector<EqualTexts>& groups) {
  const std::int64_t width = x.size(1);
  std::vector<at::Tensor> attended;
  for (const at::Tensor& texts :
       split_texts(at::linear(x, in_proj_weight_, in_proj_bias_), groups)) {
    const at::Tensor packed = texts.view({texts.size(0), texts.size(1), 3, heads_, width / heads_})
                                  .permute({2, 0, 3, 1, 4});  // [3, count, heads, length, ..]
    attended.push_back(at::scaled_dot_product_attention(packed[0], packed[1], packed[2],
                                                        /*attn_mask=*/{},
                                                        /*dropout_p=*/0.0, /*is_causal=*/true)
                           .transpose(1, 2)
                           .reshape({texts.size(0), texts.size(1), width}));
  }
  return out_proj_(join_texts(std::move(attended)));
}

at::Tensor ResidualAttentionBlockImpl::forward(const at::Tensor& x,
                                               const std::vector<EqualTexts>& groups) {
  const at::Tensor attended = x + attend(ln_1_(x), groups);
  const at::Tensor hidden = c_fc_(ln_2_(attended));
  return attended + c_proj_(hidden * at::sigmoid(hidden * kQuickGelu));
}

at::Tensor ResidualAttentionBlockImpl::forward_packed(const at::Tensor& x,
                                                      const std::vector<EqualTexts>& groups) {
  const at::Tensor seen = causal_attention(packed_in_.plain(ln_1_(x)), groups, heads_);
  const at::Tensor attended = packed_out_.add(seen, x);
  return packed_proj_.add(packed_fc_.silu(ln_2_(attended)), attended);
}

void ResidualAttentionBlockImpl::train(bool on) {
  Module::train(on);
  if (!on) return;
  for (auto* packed : {&packed_in_, &packed_out_, &packed_fc_, &packed_proj_}) packed->forget();
}

TransformerImpl::TransformerImpl(const config::TextOptions& options) {
  config::validate(options);
  auto resblocks = std::make_shared<nn::Module>("resblocks");
  for (std::int64_t i = 0; i < options.layers; ++i) {
    blocks_.push_back(resblocks->register_module(
        core::cat(i), ResidualAttentionBlock(options.width, options.heads, options.layers)));
  }
  register_module("resblocks", resblocks);
}

at::Tensor TransformerImpl::forward(at::Tensor x, const std::vector<EqualTexts>& groups) {
  const bool packed = packed_ && !is_training() && !at::GradMode::is_enabled() &&
                      x.scalar_type() == at::kFloat && core::PackedLinear::packs(x) &&
                      !at::autocast::is_autocast_enabled(at::kCPU);
  for (auto& block : blocks_) {
    if (packed) {
      x = block->forward_packed(x, groups);
      continue;
    }
    const auto stage = [block, groups](const at::Tensor& in) mutable { return block(in, groups); };
    x = recompute_ ? core::recomputed(*block, stage, x) : block(x, groups);
  }
  return x;
}

}  // namespace pcnet::clip
