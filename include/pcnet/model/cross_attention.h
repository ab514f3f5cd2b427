#pragma once

#include <cstdint>

#include <torch/torch.h>

namespace pcnet::model {

/// Cells as texts look at them: keys and values [B, C, P].
struct VisualMemory {
  at::Tensor keys;
  at::Tensor values;
};

/// softmax(q k^T / sqrt(C)) v for query [.., M, C], keys and values [.., C, X] -> [.., M, C]. Where
/// `visible` [.., M, X] (bool; undefined: everywhere) is false a query does not look; each row sees
/// something.
at::Tensor attend(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                  const at::Tensor& visible = {});

/// Which of the paper's attentions a block serves, and so which of the projections it has.
struct AttentionUses {
  bool vision_to_text = false;  ///< texts look at cells (Eq. 2)
  bool text_to_text = false;    ///< texts look at several texts (Eq. 3)
  bool one_text = false;        ///< texts look at one text: no query and no key, the softmax is 1
  bool text_to_vision = false;  ///< cells look at texts (Eq. 4)

  static AttentionUses all() { return {true, true, true, true}; }
};

/// TRIS's cross attention: projections of both sides, softmax(q k^T / sqrt(C)) v, an output
/// projection. A text projection is Linear + ReLU, a visual one 1x1 convolution + instance norm +
/// ReLU; the outputs have no ReLU. 1, 2, 3 are query, key and value (`v_proj1.0`, `t_proj3.0`, ...,
/// names of the released checkpoints). Residuals are the caller's.
class CrossAttentionImpl : public torch::nn::Module {
 public:
  /// @param input_scale factor of everything that is projected
  CrossAttentionImpl(std::int64_t width, const AttentionUses& uses, double input_scale = 1);

  /// visual [B, C, h, w] -> its keys and values, for vision_to_text
  VisualMemory look_at(const at::Tensor& visual);
  /// texts [B, M, C] look at the cells of picture b -> [B, M, C]
  at::Tensor vision_to_text(const at::Tensor& texts, const VisualMemory& memory);
  /// texts [B, M, C] look at context [B, X, C] where visible [B, M, X] -> [B, M, C]
  at::Tensor text_to_text(const at::Tensor& texts, const at::Tensor& context,
                          const at::Tensor& visible);
  /// The same as the released code does it in training: B D' texts [B, D', C], D' = 1 + D, look at
  /// as many contexts [D' B, C], those of the samples before those of each partner. What is
  /// projected is read as [D', C, B] where it is [D', B, C]: text j of that order, which is sample
  /// j mod B and partner j / B, gets the keys and values number j mod D'. -> [B, D', C]
  at::Tensor text_to_reshaped(const at::Tensor& texts, const at::Tensor& context);
  /// What a text that looks at `context` alone gets, for each of them: [B, M, C] -> [B, M, C]
  at::Tensor one_text(const at::Tensor& context);
  /// Cells of visual [B, C, h, w] look at texts [B, X, C] -> [B, C, h, w]; for X = 1 it is
  /// only_text_to_vision().
  at::Tensor text_to_vision(const at::Tensor& visual, const at::Tensor& texts);
  /// What cells that look at one text get, whatever it says: every cell receives the same vector,
  /// and the instance norm of a constant map leaves its bias -> [C, 1, 1].
  at::Tensor only_text_to_vision();

 private:
  at::Tensor scaled(const at::Tensor& input) const;

  double input_scale_;
  torch::nn::Sequential v_proj1_ = nullptr, v_proj2_ = nullptr, v_proj3_ = nullptr;
  torch::nn::Sequential t_proj1_ = nullptr, t_proj2_ = nullptr, t_proj3_ = nullptr;
  torch::nn::Sequential v_output_ = nullptr, t_output_ = nullptr;
};
TORCH_MODULE(CrossAttention);

}  // namespace pcnet::model
