#include <algorithm>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/format.h"
#include "pcnet/model/conditional_referring_module.h"

#include "support/allocations.h"
#include "support/stage.h"

namespace pcnet::model {
namespace {

using support::every;
using support::lively_stage;
using support::stage_inputs;
using support::StageInputs;
using support::train;

/// Compares a training step with the formula of the class.
void expect_stated_memory(const config::ReferringOptions& options, std::int64_t pictures,
                          std::int64_t side) {
  constexpr std::int64_t kPartners = 2, kChannels = 16, kNumber = sizeof(double);
  const torch::NoGradGuard no_grad;
  model::ConditionalReferringModule stage = lively_stage(options, kChannels);
  const StageInputs in = stage_inputs(pictures, kPartners, side, kChannels);
  const std::int64_t cells = side * side;
  const std::int64_t features = pictures * kChannels * cells * kNumber;
  const std::int64_t texts = pictures * (pictures + kPartners) * (kChannels + cells) * kNumber;
  const support::AllocationWatch watch;
  train(stage, in);
  EXPECT_GE(watch.largest(), features / 2);  // the watch sees what it should
  EXPECT_LE(watch.largest(), std::max(features, texts));
  EXPECT_LE(watch.peak(), 6 * (features + texts));
}

TEST(ConditionalReferringModule, TakesTheMemoryThatItSays) {
  for (const auto context : every<config::CueContext>()) {
    for (const auto text : every<config::ResponseText>()) {
      SCOPED_TRACE(core::cat(context.word(), " ", text.word()));
      expect_stated_memory({.context = context, .response_text = text}, 6, 12);  // large maps
      expect_stated_memory({.context = context, .response_text = text}, 20, 2);  // many texts
    }
  }
}

TEST(ConditionalReferringModule, CopiesNoPictureForItsTexts) {
  constexpr std::int64_t kSide = 12, kChannels = 16, kMore = 8;
  const torch::NoGradGuard no_grad;
  ConditionalReferringModule stage = lively_stage({}, kChannels);
  const auto peak = [&](std::int64_t texts) {
    const StageInputs in = stage_inputs(1, texts - 1, kSide, kChannels);
    const support::AllocationWatch watch;
    stage->respond(in.visual, in.texts, in.cues);
    return watch.peak();
  };
  const std::int64_t features =
      kChannels * kSide * kSide * static_cast<std::int64_t>(sizeof(double));
  EXPECT_LT(peak(1 + kMore) - peak(1), kMore * features / 2);
}

}  // namespace
}  // namespace pcnet::model
