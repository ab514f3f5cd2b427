#include "pcnet/metrics/scores.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/metrics/peak.h"

namespace pcnet::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(FindPeak, IsTheFirstHighestWhereverItLies) {
  for (const std::size_t size : {1U, 15U, 16U, 1023U, 1024U, 1025U, 5003U}) {
    for (const std::size_t first : {std::size_t{0}, size / 3, size / 2, size - 1}) {
      std::vector<float> map(size, -3);
      map[first] = map[size - 1] = -2;
      const Peak peak = find_peak(map, 1);
      EXPECT_EQ(peak.y, static_cast<std::int64_t>(first)) << size;
      EXPECT_EQ(peak.score, -2);
      const float infinity = std::numeric_limits<float>::infinity();
      for (const float bad : {infinity, -infinity, std::nanf("")}) {
        map[size - 1 - first] = bad;
        EXPECT_THROW(find_peak(map, 1), core::Error) << size << ", " << bad;
      }
    }
  }
}

TEST(Iou, IsZeroForAnEmptyUnion) {
  EXPECT_EQ(iou({}), 0.0);
  EXPECT_EQ(iou({.intersection = 3, .union_ = 12}), 0.25);
}

TEST(Scores, AreHundredWhenEveryAnswerIsPerfect) {
  ScoreAccumulator accumulator;
  for (int i = 0; i < 3; ++i) {
    accumulator.add({.hit = true, .hit_box = true, .intersection = 50, .union_ = 50});
  }
  const Scores scores = accumulator.result();
  EXPECT_EQ(scores.sentences, 3);
  EXPECT_EQ(scores.point_m, 100);
  EXPECT_EQ(scores.point_m_box, 100);
  EXPECT_EQ(scores.miou, 100);
  EXPECT_EQ(scores.miou_hit, 100);
  EXPECT_EQ(scores.miou_miss, std::nullopt);  // no sentence missed
  EXPECT_EQ(scores.oiou, 100);
  ASSERT_EQ(scores.precision.size(), 5U);
  for (const auto& [threshold, percent] : scores.precision) EXPECT_EQ(percent, 100) << threshold;
}

TEST(Scores, WeighSentencesAndPixelsApart) {
  ScoreAccumulator accumulator;
  accumulator.add({.hit = true, .hit_box = true, .intersection = 9, .union_ = 10});    // 0.9
  accumulator.add({.hit = false, .hit_box = true, .intersection = 0, .union_ = 90});   // 0
  accumulator.add({.hit = false, .hit_box = false, .intersection = 6, .union_ = 10});  // 0.6
  accumulator.add({});                                                                 // empty: 0
  const Scores scores = accumulator.result();
  EXPECT_EQ(scores.point_m, 25);
  EXPECT_EQ(scores.point_m_box, 50);
  EXPECT_NEAR(scores.miou, 100 * 1.5 / 4, 1e-9);
  EXPECT_NEAR(*scores.miou_hit, 100 * 0.9, 1e-9);
  EXPECT_NEAR(*scores.miou_miss, 100 * 0.6 / 3, 1e-9);
  EXPECT_NEAR(scores.oiou, 100 * 15.0 / 110, 1e-9);
  EXPECT_EQ(scores.precision.at("0.5"), 50);
  EXPECT_EQ(scores.precision.at("0.6"), 25);  // 0.6 itself is not above 0.6
  EXPECT_EQ(scores.precision.at("0.8"), 25);
  EXPECT_EQ(scores.precision.at("0.9"), 0);
}

TEST(Scores, AreZeroWhenAllUnionsAreEmpty) {
  ScoreAccumulator accumulator;
  accumulator.add({});
  EXPECT_EQ(accumulator.result().oiou, 0);
}

TEST(Scores, RefuseNoSentenceAndContradictions) {
  ScoreAccumulator accumulator;
  EXPECT_THAT([&] { accumulator.result(); }, ThrowsMessage<core::Error>(HasSubstr("no sentence")));
  EXPECT_THROW(accumulator.add({.intersection = 2, .union_ = 1}), core::Error);
  EXPECT_THROW(accumulator.add({.intersection = -1, .union_ = 1}), core::Error);
}

TEST(FindPeak, TakesTheFirstOfEqualValuesInRowMajorOrder) {
  const std::vector<float> map = {0.1F, 0.2F, 0.9F, 0.9F, 0.3F, 0.9F};
  const Peak peak = find_peak(map, 3);
  EXPECT_EQ(peak.x, 2);
  EXPECT_EQ(peak.y, 0);
  EXPECT_FLOAT_EQ(static_cast<float>(peak.score), 0.9F);
  const Peak tall = find_peak(std::vector<float>{-3, -2, -1, -4}, 1);
  EXPECT_EQ(tall.x, 0);
  EXPECT_EQ(tall.y, 2);
}

TEST(FindPeak, IsTheOriginForAMapOfZeros) {
  const Peak peak = find_peak(std::vector<float>(12), 4);
  EXPECT_EQ(peak.x, 0);
  EXPECT_EQ(peak.y, 0);
  EXPECT_EQ(peak.score, 0);
}

TEST(FindPeak, RefusesWhatIsNoMap) {
  EXPECT_THROW(find_peak({}, 3), core::Error);
  EXPECT_THROW(find_peak(std::vector<float>(5), 3), core::Error);
  EXPECT_THROW(find_peak(std::vector<float>(5), 0), core::Error);
  EXPECT_THAT(
      [] {
        find_peak(std::vector<float>{0, 0, 0, std::nanf("")}, 2);
      },
      ThrowsMessage<core::Error>(HasSubstr("nan at row 1, column 1")));
}

TEST(HitsMask, LooksAtThePixelOfThePeak) {
  image::Mask mask(2, 3);
  mask.at(1, 2) = 1;
  EXPECT_TRUE(hits_mask({.x = 2, .y = 1}, mask));
  EXPECT_FALSE(hits_mask({.x = 1, .y = 1}, mask));
  EXPECT_THROW(hits_mask({.x = 3, .y = 1}, mask), core::Error);
  EXPECT_THROW(hits_mask({.x = 0, .y = -1}, mask), core::Error);
}

TEST(HitsBox, CutsTheBordersToIntegersAndIncludesBoth) {
  const std::array<double, 4> box = {2.7, 1.2, 3.5, 2};  // columns 2 to 6, rows 1 to 3
  EXPECT_TRUE(hits_box({.x = 2, .y = 1}, box));
  EXPECT_TRUE(hits_box({.x = 6, .y = 3}, box));
  EXPECT_FALSE(hits_box({.x = 1, .y = 2}, box));
  EXPECT_FALSE(hits_box({.x = 7, .y = 2}, box));
  EXPECT_FALSE(hits_box({.x = 4, .y = 0}, box));
  EXPECT_FALSE(hits_box({.x = 4, .y = 4}, box));
}

}  // namespace
}  // namespace pcnet::metrics
