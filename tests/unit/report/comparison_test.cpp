#include "pcnet/report/comparison.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::report {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

SentenceAnswer compared(std::int64_t sent_id, std::int64_t image_id, bool hit, std::int64_t tenths,
                        const std::string& kind = "", const std::string& split = "val") {
  return {.split = split,
          .sent_id = sent_id,
          .image_id = image_id,
          .text = "sentence " + std::to_string(sent_id),
          .kind = kind,
          .score = {.hit = hit, .intersection = tenths, .union_ = 10}};
}

/// Four sentences on two images; IoU in tenths a: 1 8 5 5, b: 9 2 5 7.
std::pair<Answers, Answers> two_sides() {
  Answers a{"A",
            {compared(1, 1, false, 1, "position"), compared(2, 1, true, 8, "position"),
             compared(3, 2, true, 5, "attribute"), compared(4, 2, false, 5, "attribute")}};
  Answers b{"B",
            {compared(4, 2, true, 7, "attribute"), compared(3, 2, true, 5, "attribute"),
             compared(2, 1, false, 2, "position"), compared(1, 1, true, 9, "position")}};
  return {a, b};
}

TEST(Comparison, PairsSentencesWhateverTheirOrder) {
  const auto [a, b] = two_sides();
  const Comparison found = compare(a, b, 10);
  ASSERT_EQ(found.splits.size(), 1U);
  const SplitComparison& val = found.splits[0];
  EXPECT_EQ(val.split, "val");
  const Contrast& whole = val.whole;
  EXPECT_EQ(whole.sentences, 4);
  EXPECT_EQ(whole.images, 2);
  EXPECT_EQ(whole.a.point_m, 50);
  EXPECT_EQ(whole.b.point_m, 75);
  EXPECT_NEAR(whole.a.miou, 47.5, 1e-9);  // 19 tenths of 4
  EXPECT_NEAR(whole.b.miou, 57.5, 1e-9);
  EXPECT_NEAR(whole.b.oiou, 57.5, 1e-9);
  EXPECT_EQ(whole.both, 1);
  EXPECT_EQ(whole.only_a, 1);
  EXPECT_EQ(whole.only_b, 2);
  EXPECT_EQ(whole.neither, 0);
  EXPECT_EQ(whole.mcnemar, 1);  // 2 (1 + 3) / 8
  // Image 1 alone: 0 points and 1 tenth of each sentence; image 2 alone: 50 points and 1 tenth.
  EXPECT_EQ(whole.intervals.point_m.low, 0);
  EXPECT_EQ(whole.intervals.point_m.high, 50);
  EXPECT_NEAR(whole.intervals.miou.low, 10, 1e-9);
  EXPECT_NEAR(whole.intervals.miou.high, 10, 1e-9);
}

TEST(Comparison, TellsKindsApart) {
  const auto [a, b] = two_sides();
  const auto& kinds = compare(a, b, 10).splits[0].kinds;
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds.at("position").only_a, 1);
  EXPECT_EQ(kinds.at("position").only_b, 1);
  EXPECT_EQ(kinds.at("attribute").both, 1);
  EXPECT_EQ(kinds.at("attribute").images, 1);
}

TEST(Comparison, ListsTheLargestLeadsOfEachSide) {
  const auto [a, b] = two_sides();
  const Comparison found = compare(a, b, 1);
  const auto& val = found.splits[0];
  ASSERT_EQ(val.better_a.size(), 1U);
  EXPECT_EQ(found.a.sentences[val.better_a[0].a].sent_id, 2);
  EXPECT_NEAR(val.better_a[0].difference, -0.6, 1e-9);
  ASSERT_EQ(val.better_b.size(), 1U);  // of two
  EXPECT_EQ(found.a.sentences[val.better_b[0].a].sent_id, 1);
  EXPECT_EQ(found.b.sentences[val.better_b[0].b].sent_id, 1);
  EXPECT_EQ(compare(a, b, 9).splits[0].better_b.size(), 2U);
  EXPECT_TRUE(compare(a, b, 0).splits[0].better_b.empty());
}

TEST(Comparison, KeepsSplitsApartUnlessOneSideDoesNotKnowThem) {
  Answers a{"A", {compared(1, 1, true, 5), compared(1, 1, true, 5, "", "testA")}};
  const Comparison found = compare(a, a, 1);
  ASSERT_EQ(found.splits.size(), 2U);
  EXPECT_EQ(found.splits[1].split, "testA");
  Answers b{"B", {compared(1, 1, true, 5, "", "")}};
  EXPECT_THAT([&] { compare(a, b, 1); },
              ThrowsMessage<core::Error>(HasSubstr("A answers sent_id 1 in several splits")));
  a.sentences.pop_back();
  EXPECT_EQ(compare(a, b, 1).splits[0].split, "all");
}

TEST(Comparison, RefusesOtherSentences) {
  const auto sides = two_sides();
  const Answers& a = sides.first;
  const Answers& b = sides.second;
  Answers less = b;
  less.sentences.erase(less.sentences.begin(), less.sentences.begin() + 2);
  EXPECT_THAT([&] { compare(a, less, 1); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("2 of 4 only in A (first sent_id 3 of val, \"sentence 3\" on "
                                  "image_id 2)"),
                        Not(HasSubstr("only in B")))));
  Answers testA = b;
  for (auto& answer : testA.sentences) answer.split = "testA";
  EXPECT_THAT([&] { compare(a, testA, 1); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("4 of 4 only in A"), HasSubstr("4 of 4 only in B"))));
  Answers other = b;
  other.sentences[1].text = "another\n";
  EXPECT_THAT([&] { compare(a, other, 1); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("1 of 4 sentences differ"), HasSubstr("\"another\\n\""))));
  other = b;
  other.sentences[2].image_id = 77;
  EXPECT_THAT([&] { compare(a, other, 1); },
              ThrowsMessage<core::Error>(HasSubstr("on image_id 77")));
}

TEST(ComparisonText, SaysAndWritesTheSame) {
  const auto [a, b] = two_sides();
  const Comparison found = compare(a, b, 1);
  const auto json = to_json(found);
  const auto& val = json["splits"]["val"];
  EXPECT_EQ(json["a"], "A");
  EXPECT_EQ(val["difference"]["point_m"], 25.0);
  EXPECT_EQ(val["hits"]["only_b"], 2);
  EXPECT_EQ(val["kinds"]["position"]["hits"]["only_a"], 1);
  EXPECT_EQ(val["better_a"][0]["sent_id"], 2);
  EXPECT_EQ(val["better_a"][0]["a"]["hit"], true);
  const std::string text = to_text(found);
  EXPECT_THAT(text, HasSubstr("val: 4 sentences on 2 images"));
  EXPECT_THAT(text, HasSubstr("PointM       50.0   75.0  +25.0   +0.0 to +50.0"));
  EXPECT_THAT(text, HasSubstr("\"sentence 2\"        2  0.80 hit  0.20      -0.60"));
}

TEST(ComparisonText, ShortensSmallPValues) {
  EXPECT_EQ(p_text(0.0444), "0.044");
  EXPECT_EQ(p_text(0.0004), "< 0.001");
  EXPECT_EQ(p_text(1), "1.000");
}

}  // namespace
}  // namespace pcnet::report
