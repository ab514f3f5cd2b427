#pragma once

#include <vector>

#include <torch/torch.h>

#include "pcnet/model/cross_attention.h"
#include "pcnet/model/referring_model.h"

namespace pcnet::model {

/// The baseline without conditional referring module, under the names of TRIS's checkpoints: one
/// stage, the cosine of a text and a cell is the response. With TRIS's own cross attention
/// (model.fusion attn_fusion) both sides look at each other once, and the response is the inner
/// product (docs/released_forward.md#tris).
class BaselineImpl : public ReferringModel {
 public:
  BaselineImpl(const config::ModelOptions& options, std::int64_t vocabulary_size);

  /// Training: every text on every picture, visual [B, C, h, w] and texts [M, C] -> logits
  /// [B, M, h, w], scale * similarity before ReLU.
  at::Tensor forward(const at::Tensor& visual, const at::Tensor& texts);
  using ReferringModel::answer_batch;
  std::vector<StageLogits> answer_batch(const at::Tensor& visual, const Expressions& expressions,
                                        const core::BatchShare& share) override;
  using ReferringModel::respond;
  at::Tensor respond(const Seen& seen, const Expressions& expressions,
                     const at::Tensor& picture) override;
  Seen look(const at::Tensor& visual) override;
  std::int64_t cues_read() const override { return 0; }

 private:
  /// texts [B, X, C]; update: what the cells saw in them, undefined without attention
  at::Tensor compared(const Seen& pictures, const at::Tensor& texts, const at::Tensor& update);

  CrossAttention attn_fusion_ = nullptr;  // empty: without attention
};
TORCH_MODULE(Baseline);

}  // namespace pcnet::model
