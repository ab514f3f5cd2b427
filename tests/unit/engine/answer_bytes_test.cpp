#include "pcnet/engine/answer_bytes.h"

#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::engine {
namespace {

std::vector<EvaluatedSentence> split_of(std::size_t sentences) {
  std::vector<EvaluatedSentence> all(sentences);
  for (std::size_t i = 0; i < sentences; ++i) all[i].sent_id = static_cast<std::int64_t>(i) + 7;
  return all;
}

EvaluatedSentence answered() {
  EvaluatedSentence sentence;
  sentence.stages = {{{3, 4, 0.1}, {true, false, 5, 9}}, {{1, 2, 1.0 / 3}, {false, true, 0, 8}}};
  sentence.segmentation = {.height = 2, .width = 3, .counts = {1, 2, 3}};
  sentence.empty_map = true;
  sentence.tied = true;
  sentence.object_at_peak = 17;
  return sentence;
}

TEST(AnswerBytes, BringEveryBitAcross) {
  auto from = split_of(3);
  const auto sent_id = from[1].sent_id;
  from[1] = answered();
  from[1].sent_id = sent_id;
  auto to = split_of(3);
  fill_answers(answer_bytes(from), to);
  EXPECT_TRUE(to[0].stages.empty());
  EXPECT_TRUE(to[2].stages.empty());
  const EvaluatedSentence& got = to[1];
  const EvaluatedSentence wanted = answered();
  ASSERT_EQ(got.stages.size(), 2U);
  for (std::size_t n = 0; n < 2; ++n) {
    EXPECT_EQ(got.stages[n].peak.x, wanted.stages[n].peak.x);
    EXPECT_EQ(got.stages[n].peak.y, wanted.stages[n].peak.y);
    EXPECT_EQ(got.stages[n].peak.score, wanted.stages[n].peak.score);
    EXPECT_EQ(got.stages[n].score.hit, wanted.stages[n].score.hit);
    EXPECT_EQ(got.stages[n].score.hit_box, wanted.stages[n].score.hit_box);
    EXPECT_EQ(got.stages[n].score.intersection, wanted.stages[n].score.intersection);
    EXPECT_EQ(got.stages[n].score.union_, wanted.stages[n].score.union_);
  }
  EXPECT_EQ(got.segmentation, wanted.segmentation);
  EXPECT_TRUE(got.empty_map && got.tied);
  EXPECT_FALSE(got.no_proposal || got.off_proposals);
  EXPECT_EQ(got.object_at_peak, 17);
  EXPECT_EQ(got.sent_id, 8);
}

TEST(AnswerBytes, AreNoneOfAnotherSplitAndNotCutOff) {
  auto from = split_of(3);
  from[2] = answered();
  const std::string bytes = answer_bytes(from);
  auto smaller = split_of(2);
  EXPECT_THROW(fill_answers(bytes, smaller), core::Error);
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    auto to = split_of(3);
    EXPECT_THROW(fill_answers(std::string_view(bytes).substr(0, length), to), core::Error);
  }
  auto untouched = split_of(3);
  fill_answers("", untouched);
  EXPECT_TRUE(untouched[2].stages.empty());
}

}  // namespace
}  // namespace pcnet::engine
