#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

#include "pcnet/config/clip_options.h"
#include "pcnet/core/packed_linear.h"

namespace pcnet::clip {

/// The tokens of texts as rows of one tensor. A token's row depends on itself and those before it
/// alone, so that texts which begin alike share the rows of their beginning.
struct TokenRows {
  at::Tensor before;  ///< [R] int64 on the CPU: the row of the token before; -1: a text's first
  std::int64_t length = 0;  ///< in place of `before`: each text has so many rows of its own
  at::Tensor ends;          ///< [E] int64 on the model's device: the rows of end tokens
};

/// One pre-norm block: x += attention(ln_1(x)); x += mlp(ln_2(x)), with QuickGELU.
class ResidualAttentionBlockImpl : public torch::nn::Module {
 public:
  ResidualAttentionBlockImpl(std::int64_t width, std::int64_t heads, std::int64_t layers);
  /// x [R, width], the tokens of texts -> the same of `wanted` [Q] int64, or of all where it is
  /// undefined; causal: a token sees itself and those before it in its text.
  at::Tensor forward(const at::Tensor& x, const TokenRows& rows, const at::Tensor& wanted);
  /// Training forgets the packed weights (core::PackedLinear).
  void train(bool on = true) override;

 private:
  at::Tensor attend(const at::Tensor& query_key_value, const TokenRows& rows,
                    const at::Tensor& wanted) const;

  std::int64_t width_;
  std::int64_t heads_;
  torch::nn::LayerNorm ln_1_ = nullptr, ln_2_ = nullptr;
  at::Tensor in_proj_weight_;  // query, key, value one above the other, [3 width, width]
  at::Tensor in_proj_bias_;
  core::PackedLinear packed_in_;
  core::Linear out_proj_ = nullptr, c_fc_ = nullptr, c_proj_ = nullptr;
};
TORCH_MODULE(ResidualAttentionBlock);

/// The blocks under CLIP's name `transformer.resblocks.<i>`.
class TransformerImpl : public torch::nn::Module {
 public:
  explicit TransformerImpl(const config::TextOptions& options);
  /// x [R, width], the tokens of texts -> [E, width], those of the end tokens
  at::Tensor forward(at::Tensor x, const TokenRows& rows);
  /// Whether each block is computed once more in the backward pass, in place of keeping what it
  /// holds inside (core::recomputed).
  void set_recompute(bool on) { recompute_ = on; }

 private:
  std::vector<ResidualAttentionBlock> blocks_;
  bool recompute_ = false;
};
TORCH_MODULE(Transformer);

}  // namespace pcnet::clip
