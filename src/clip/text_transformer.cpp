#include "pcnet/clip/text_transformer.h"

#include <cmath>
#include <utility>

#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/recompute.h"

#include "causal_attention.h"

namespace pcnet::clip {

namespace nn = torch::nn;

namespace {

constexpr double kQuickGelu = 1.702;  // of CLIP's y sigmoid(1.702 y)

at::Tensor chosen(const at::Tensor& x, const at::Tensor& wanted) {
  return wanted.defined() ? x.index_select(/*dim=*/0, wanted) : x;
}

}  // namespace

ResidualAttentionBlockImpl::ResidualAttentionBlockImpl(std::int64_t width, std::int64_t heads,
                                                       std::int64_t layers)
    : width_(width), heads_(heads) {
  ln_1_ = register_module("ln_1", nn::LayerNorm(nn::LayerNormOptions({width})));
  ln_2_ = register_module("ln_2", nn::LayerNorm(nn::LayerNormOptions({width})));
  auto attention = std::make_shared<nn::Module>("attn");
  in_proj_weight_ =
      attention->register_parameter("in_proj_weight", torch::empty({3 * width, width}));
  in_proj_bias_ = attention->register_parameter("in_proj_bias", torch::zeros({3 * width}));
  out_proj_ = attention->register_module("out_proj", core::Linear(width, width));
  register_module("attn", attention);
  auto mlp = std::make_shared<nn::Module>("mlp");
  c_fc_ = mlp->register_module("c_fc", core::Linear(width, 4 * width));
  c_proj_ = mlp->register_module("c_proj", core::Linear(4 * width, width));
  register_module("mlp", mlp);

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

at::Tensor ResidualAttentionBlockImpl::attend(const at::Tensor& query_key_value,
                                              const TokenRows& rows,
                                              const at::Tensor& wanted) const {
  if (rows.length == 0) return causal_attention(query_key_value, rows.before, wanted, heads_);
  const at::Tensor packed = query_key_value.view({-1, rows.length, 3, heads_, width_ / heads_})
                                .permute({2, 0, 3, 1, 4});  // [3, texts, heads, length, ..]
  const at::Tensor seen = at::scaled_dot_product_attention(
      packed[0], packed[1], packed[2], /*attn_mask=*/{}, /*dropout_p=*/0.0, /*is_causal=*/true);
  return chosen(seen.transpose(1, 2).reshape({-1, width_}), wanted);
}

at::Tensor ResidualAttentionBlockImpl::forward(const at::Tensor& x, const TokenRows& rows,
                                               const at::Tensor& wanted) {
  const at::Tensor query_key_value =
      packed_in_(ln_1_(x), in_proj_weight_, in_proj_bias_, is_training());
  const at::Tensor attended = chosen(x, wanted) + out_proj_(attend(query_key_value, rows, wanted));
  // QuickGELU(y) = y sigmoid(c y) = silu(c y) / c
  return attended + c_proj_(at::silu(c_fc_(ln_2_(attended)) * kQuickGelu) / kQuickGelu);
}

void ResidualAttentionBlockImpl::train(bool on) {
  Module::train(on);
  if (on) packed_in_.forget();
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

at::Tensor TransformerImpl::forward(at::Tensor x, const TokenRows& rows) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    auto& block = blocks_[i];
    // Nobody looks at the last block's other rows.
    const at::Tensor wanted = i + 1 == blocks_.size() ? rows.ends : at::Tensor();
    const auto stage = [block, rows, wanted](const at::Tensor& in) mutable {
      return block(in, rows, wanted);
    };
    x = recompute_ ? core::recomputed(*block, stage, x) : block(x, rows, wanted);
  }
  return x;
}

}  // namespace pcnet::clip
