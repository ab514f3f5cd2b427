#include "pcnet/config/referring_options.h"

#include <cmath>
#include <set>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/config/profiles.h"
#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"

#include "support/choices.h"

namespace pcnet::config {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ReferringOptions, DefaultToThePaper) {
  const ReferringOptions options;
  EXPECT_EQ(options.context.word(), "batch");
  EXPECT_FALSE(options.partner_context);
  EXPECT_EQ(options.context_keys.word(), "transposed");
  EXPECT_EQ(options.modulation.word(), "vta_tta");
  EXPECT_TRUE(options.cue_residual);
  EXPECT_EQ(options.cue_scale, 1.0);
  EXPECT_EQ(options.stage_cue.word(), "cue_k");
  EXPECT_EQ(options.residual_scale, 0.1);
  EXPECT_FALSE(options.train_residual_scale);
  EXPECT_FALSE(options.scaled_inputs);
  EXPECT_FALSE(options.unit_inputs);
  EXPECT_EQ(options.projections.word(), "per_attention");
  EXPECT_EQ(options.visual_update.word(), "on");
  EXPECT_EQ(options.response_text.word(), "updated");
  EXPECT_EQ(options.response.word(), "cosine");
}

/// Collects the key of every field, and checks that a word is one of its choices.
struct Keys {
  template <class Member>
  void operator()(std::string_view key, Member /*member*/, const FieldInfo& info) {
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_FALSE(info.help.empty()) << key;
    EXPECT_FALSE(info.source.empty()) << key;
  }
  std::set<std::string_view> keys;
};

TEST(ReferringOptions, ListEveryFieldOnceWithHelpAndSource) {
  Keys keys;
  ReferringOptions::fields(keys);
  EXPECT_EQ(keys.keys.size(), 16U);
}

TEST(ReferringOptions, AreRefusedOutsideTheirRanges) {
  for (const auto profile : support::every<Profile>()) {
    EXPECT_NO_THROW(validate(profile_values(profile).model.referring)) << profile.word();
  }
  EXPECT_THAT([] { validate(ReferringOptions{.modules = 65}); },
              ThrowsMessage<core::ConfigError>(HasSubstr("modules: got 65, wanted 0 to 64")));
  EXPECT_THROW(validate(ReferringOptions{.residual_scale = std::nan("")}), core::ConfigError);
  EXPECT_THAT([] { validate(ReferringOptions{.context_keys = "reshaped"}); },
              ThrowsMessage<core::ConfigError>(HasSubstr("context_keys is reshaped")));
}

TEST(LooksAtPartners, WhereTheContextsOfABatchHoldThem) {
  ModelOptions model;
  EXPECT_FALSE(looks_at_partners(model));
  model.referring.partner_context = true;
  EXPECT_TRUE(looks_at_partners(model));
  model.referring.context = "pair";
  EXPECT_FALSE(looks_at_partners(model));
  EXPECT_TRUE(looks_at_partners(profile_values(Profile::kReleased).model));
  EXPECT_FALSE(looks_at_partners(profile_values(Profile::kTris).model));
}

TEST(CuesRead, LeaveTheLastStageToTheSentence) {
  ModelOptions model;
  EXPECT_EQ(cues_read(model), 3);
  model.stages = 2;
  EXPECT_EQ(cues_read(model), 2);
  model.referring.stage_cue = "sentence_last";
  EXPECT_EQ(cues_read(model), 1);
  EXPECT_EQ(cues_read(profile_values(Profile::kReleased).model), 0);
  model.referring.stage_cue = "progressive";
  EXPECT_EQ(cues_read(model), 1);
  model.stages = 1;
  EXPECT_EQ(cues_read(model), 1);  // what the text begins as
}

TEST(AnsweringStages, AreOneWithoutConditionalReferringModulesWhichReadNoCues) {
  ModelOptions model;
  EXPECT_EQ(answering_stages(model), 3);
  for (const Choice<Fusion> fusion : {Fusion::kAttnFusion, Fusion::kNone}) {
    model.fusion = fusion;
    EXPECT_EQ(answering_stages(model), 1) << fusion.word();
    EXPECT_EQ(cues_read(model), 0) << fusion.word();
  }
}

}  // namespace
}  // namespace pcnet::config
