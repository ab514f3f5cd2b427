#include "pcnet/config/referring_options.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <type_traits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::config {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ReferringOptions, DefaultToThePaper) {
  const ReferringOptions options;
  EXPECT_EQ(options.stages, 3);
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
      for (const std::string& name : referring_profiles()) {
        const std::string value = referring_profile(name).*member;
        EXPECT_EQ(std::count(info.choices.begin(), info.choices.end(), value), 1) << key << value;
      }
    }
  }
  std::set<std::string_view> keys;
};

TEST(ReferringOptions, ListEveryFieldOnceWithHelpAndSource) {
  Keys keys;
  ReferringOptions::fields(keys);
  EXPECT_EQ(keys.keys.size(), 15U);
}

TEST(ReferringProfile, IsThePapersByItsName) {
  const ReferringOptions paper = referring_profile("paper");
  const ReferringOptions defaults;
  EXPECT_EQ(paper.stages, defaults.stages);
  EXPECT_EQ(paper.context, defaults.context);
  EXPECT_EQ(paper.response, defaults.response);
}

TEST(ReferringProfile, RefusesAnotherName) {
  EXPECT_THROW(referring_profile("tris"), core::UsageError);
}

TEST(ReferringOptions, AreRefusedOutsideTheirChoicesAndRanges) {
  for (const std::string& name : referring_profiles()) {
    EXPECT_NO_THROW(validate(referring_profile(name))) << name;
  }
  EXPECT_THAT([] { validate({.modulation = "vta_tt"}); },
              ThrowsMessage<core::ConfigError>(
                  HasSubstr("modulation: got \"vta_tt\", wanted one of add, tta, vta_add")));
  EXPECT_THAT([] { validate({.stages = 0}); },
              ThrowsMessage<core::ConfigError>(HasSubstr("stages: got 0, wanted 1 to 64")));
  EXPECT_THROW(validate({.residual_scale = std::nan("")}), core::ConfigError);
}

TEST(CuesRead, LeavesTheLastStageToTheSentence) {
  EXPECT_EQ(cues_read({.stages = 3}), 3);
  EXPECT_EQ(cues_read({.stages = 3, .stage_cue = "sentence_last"}), 2);
  EXPECT_EQ(cues_read(referring_profile("released")), 0);
}

}  // namespace
}  // namespace pcnet::config
