#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

#include "pcnet/config/model_options.h"
#include "pcnet/model/conditional_referring_module.h"
#include "pcnet/model/referring_model.h"

namespace pcnet::model {

/// PCNet (Fig. 2): CLIP's encoders, a projection each into the common space, and N conditional
/// referring modules one after the other. Names are those of the released checkpoints.
class PCNetImpl : public ReferringModel {
 public:
  /// ConfigError for no stage and for options that config::validate() refuses.
  PCNetImpl(const config::ModelOptions& model, std::int64_t vocabulary_size);

  /// Training: visual [B, C, h, w]; of each picture the sample's expression, then its D partners:
  /// texts [B, 1 + D, C], cues [B, 1 + D, K, C]. One entry a stage; Error for fewer cues than
  /// cues_read() or another batch.
  std::vector<StageLogits> forward(const at::Tensor& visual, const Expressions& expressions,
                                   const core::BatchShare& share = {});
  using ReferringModel::answer_batch;
  std::vector<StageLogits> answer_batch(const at::Tensor& visual, const Expressions& expressions,
                                        const core::BatchShare& share) override {
    return forward(visual, expressions, share);
  }
  using ReferringModel::respond;
  at::Tensor respond(const Seen& seen, const Expressions& expressions,
                     const at::Tensor& picture) override;
  Seen look(const at::Tensor& visual) override;
  std::int64_t cues_read() const override { return config::cues_read(options); }
  std::int64_t cue_of_stage(std::int64_t stage) const override;

 private:
  /// @param leading dimensions of an expression's place: [M] or [B, 1 + D]
  void check_expressions(const Expressions& expressions, std::size_t leading) const;
  void check_visual(const at::Tensor& visual) const;
  /// Q_0 [.., C].
  at::Tensor first_texts(const Expressions& expressions) const;
  /// The texts' cues [.., C] of a stage.
  at::Tensor stage_cues(std::size_t stage, const Expressions& expressions) const;

  std::vector<ConditionalReferringModule> stages_;
};
TORCH_MODULE(PCNet);

}  // namespace pcnet::model
