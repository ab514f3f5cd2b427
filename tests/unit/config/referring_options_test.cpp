#include "pcnet/config/referring_options.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <type_traits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/config/profiles.h"
#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"

namespace pcnet::config {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ReferringOptions, DefaultToThePaper) {
  const ReferringOptions options;
  EXPECT_EQ(options.context, "batch");
  EXPECT_EQ(options.modulation, "vta_tta");
  EXPECT_TRUE(options.cue_residual);
  EXPECT_EQ(options.cue_scale, 1.0);
  EXPECT_EQ(options.stage_cue, "cue_k");
  EXPECT_EQ(options.residual_scale, 0.1);
  EXPECT_FALSE(options.train_residual_scale);
  EXPECT_FALSE(options.scaled_inputs);
  EXPECT_FALSE(options.unit_inputs);
  EXPECT_EQ(options.projections, "per_attention");
  EXPECT_EQ(options.visual_update, "on");
  EXPECT_EQ(options.response_text, "updated");
  EXPECT_EQ(options.response, "cosine");
}

/// Collects the key of every field, and checks that a word is one of its choices.
struct Keys {
  template <class Member>
  void operator()(std::string_view key, Member member, const FieldInfo& info) {
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_FALSE(info.help.empty()) << key;
    EXPECT_FALSE(info.source.empty()) << key;
    if constexpr (std::is_same_v<Member, std::string ReferringOptions::*>) {
      for (const std::string& name : profiles()) {
        const std::string value = profile_values(name).model.referring.*member;
        EXPECT_EQ(std::count(info.choices.begin(), info.choices.end(), value), 1) << key << value;
      }
    }
  }
  std::set<std::string_view> keys;
};

TEST(ReferringOptions, ListEveryFieldOnceWithHelpAndSource) {
  Keys keys;
  ReferringOptions::fields(keys);
  EXPECT_EQ(keys.keys.size(), 14U);
}

TEST(ReferringOptions, AreRefusedOutsideTheirChoicesAndRanges) {
  for (const std::string& name : profiles()) {
    EXPECT_NO_THROW(validate(profile_values(name).model.referring)) << name;
  }
  EXPECT_THAT([] { validate(ReferringOptions{.modulation = "vta_tt"}); },
              ThrowsMessage<core::ConfigError>(
                  HasSubstr("modulation: got \"vta_tt\", wanted one of add, tta, vta_add")));
  EXPECT_THAT([] { validate(ReferringOptions{.modules = 65}); },
              ThrowsMessage<core::ConfigError>(HasSubstr("modules: got 65, wanted 0 to 64")));
  EXPECT_THROW(validate(ReferringOptions{.residual_scale = std::nan("")}), core::ConfigError);
}

TEST(CuesRead, LeaveTheLastStageToTheSentence) {
  ModelOptions model;
  EXPECT_EQ(cues_read(model), 3);
  model.stages = 2;
  EXPECT_EQ(cues_read(model), 2);
  model.referring.stage_cue = "sentence_last";
  EXPECT_EQ(cues_read(model), 1);
  EXPECT_EQ(cues_read(profile_values("released").model), 0);
}

TEST(AnsweringStages, AreOneWithoutConditionalReferringModulesWhichReadNoCues) {
  ModelOptions model;
  EXPECT_EQ(answering_stages(model), 3);
  for (const char* fusion : {"attn_fusion", "none"}) {
    model.fusion = fusion;
    EXPECT_EQ(answering_stages(model), 1) << fusion;
    EXPECT_EQ(cues_read(model), 0) << fusion;
  }
}

}  // namespace
}  // namespace pcnet::config
