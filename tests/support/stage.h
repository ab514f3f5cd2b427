#pragma once

#include <cstdint>

#include "pcnet/model/conditional_referring_module.h"

#include "support/choices.h"
#include "support/lively.h"

/// One conditional referring module with inputs for it, in double precision.
namespace pcnet::support {

inline constexpr std::int64_t kStageWidth = 4;

inline model::ConditionalReferringModule lively_stage(const config::ReferringOptions& options,
                                                      std::int64_t width = kStageWidth) {
  torch::manual_seed(1);
  model::ConditionalReferringModule stage(width, options);
  stage->to(torch::kDouble);
  make_lively(*stage, 2);
  return stage;
}

/// B pictures with a sample and D partners each.
struct StageInputs {
  at::Tensor visual;  ///< [B, C, h, w]
  at::Tensor texts;   ///< [B, 1 + D, C]
  at::Tensor cues;    ///< [B, 1 + D, C]
};

inline StageInputs stage_inputs(std::int64_t pictures, std::int64_t partners, std::int64_t side = 2,
                                std::int64_t width = kStageWidth) {
  return {unit_features({pictures, width, side, side}, 1, 3),
          unit_features({pictures, 1 + partners, width}, -1, 4),
          unit_features({pictures, 1 + partners, width}, -1, 5)};
}

/// The training form, whatever the context.
inline model::StageOutput train(model::ConditionalReferringModule& stage, const StageInputs& in) {
  if (stage->options.context != "pair") return stage->forward(in.visual, in.texts, in.cues);
  return stage->forward(in.visual, model::with_whole_batch(in.texts),
                        model::with_whole_batch(in.cues));
}

}  // namespace pcnet::support
