#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

#include "pcnet/config/clip_options.h"
#include "pcnet/core/packed_linear.h"

namespace pcnet::clip {

/// So many texts of so many tokens each.
struct EqualTexts {
  std::int64_t count = 0;
  std::int64_t length = 0;
  bool operator==(const EqualTexts&) const = default;
};

/// Rows [R, ..] of all tokens of texts, one after the other, as [count, length, ..] for each group.
std::vector<at::Tensor> split_texts(const at::Tensor& rows, const std::vector<EqualTexts>& groups);
/// The inverse: [count, length, ..] of each group -> [R, ..]
at::Tensor join_texts(std::vector<at::Tensor> parts);

/// One pre-norm block: x += attention(ln_1(x)); x += mlp(ln_2(x)), with QuickGELU.
class ResidualAttentionBlockImpl : public torch::nn::Module {
 public:
  ResidualAttentionBlockImpl(std::int64_t width, std::int64_t heads, std::int64_t layers);
  /// x [R, width], the tokens of texts -> the same; causal: a token sees itself and those before it
  /// in its text.
  at::Tensor forward(const at::Tensor& x, const std::vector<EqualTexts>& groups);
  /// The same with packed weights: in evaluation, without gradients and autocast, of float32 on a
  /// processor.
  at::Tensor forward_packed(const at::Tensor& x, const std::vector<EqualTexts>& groups);
  /// Training forgets the packed weights.
  void train(bool on = true) override;

 private:
  at::Tensor attend(const at::Tensor& x, const std::vector<EqualTexts>& groups);

  std::int64_t heads_;
  torch::nn::LayerNorm ln_1_ = nullptr, ln_2_ = nullptr;
  at::Tensor in_proj_weight_;  // query, key, value one above the other, [3 width, width]
  at::Tensor in_proj_bias_;
  torch::nn::Linear out_proj_ = nullptr, c_fc_ = nullptr, c_proj_ = nullptr;
  core::PackedLinear packed_in_, packed_out_, packed_fc_, packed_proj_;
};
TORCH_MODULE(ResidualAttentionBlock);

/// The blocks under CLIP's name `transformer.resblocks.<i>`.
class TransformerImpl : public torch::nn::Module {
 public:
  explicit TransformerImpl(const config::TextOptions& options);
  /// x [R, width], the tokens of texts -> the same
  at::Tensor forward(at::Tensor x, const std::vector<EqualTexts>& groups);
  /// Whether each block is computed once more in the backward pass, in place of keeping what it
  /// holds inside (core::recomputed).
  void set_recompute(bool on) { recompute_ = on; }
  /// Whether evaluation without gradients and autocast takes packed weights (core::PackedLinear).
  void set_packed(bool on) { packed_ = on; }

 private:
  std::vector<ResidualAttentionBlock> blocks_;
  bool recompute_ = false;
  bool packed_ = false;
};
TORCH_MODULE(Transformer);

}  // namespace pcnet::clip
