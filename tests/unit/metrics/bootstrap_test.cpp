#include "pcnet/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"

namespace pcnet::metrics {
namespace {

struct Answer {
  std::int64_t image_id;
  SentenceScore score;
};

SentenceScore answer(bool hit, std::int64_t intersection, std::int64_t union_) {
  return {.hit = hit, .hit_box = hit, .intersection = intersection, .union_ = union_};
}

/// Images of one to four sentences, each image easy or hard as a whole.
std::vector<Answer> some_answers(std::int64_t images) {
  core::Rng rng(5);
  std::vector<Answer> answers;
  for (std::int64_t image = 0; image < images; ++image) {
    const double easy = rng.uniform();
    for (auto left = 1 + rng.below(4); left > 0; --left) {
      const auto union_ = static_cast<std::int64_t>(100 + rng.below(400));
      const auto both = static_cast<std::int64_t>(easy * static_cast<double>(union_));
      answers.push_back({image * 7, answer(rng.chance(easy), both, union_)});
    }
  }
  return answers;
}

SumsByImage sums_of(const std::vector<Answer>& answers) {
  SumsByImage sums;
  for (const auto& one : answers) sums.add(one.image_id, one.score);
  return sums;
}

/// The value below which that share of the values lies, between the two nearest.
double naive_percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto lower = static_cast<std::size_t>(place);
  const auto upper = std::min(lower + 1, values.size() - 1);
  const double weight = place - static_cast<double>(lower);
  return (1 - weight) * values[lower] + weight * values[upper];
}

TEST(SumsByImage, KeepsImagesInTheOrderOfTheirFirstSentence) {
  SumsByImage sums;
  sums.add(9, answer(true, 3, 4));
  sums.add(2, answer(false, 0, 5));
  sums.add(9, answer(false, 1, 2));
  ASSERT_EQ(sums.images().size(), 2U);
  const ImageSums& first = sums.images()[0];
  EXPECT_EQ(first.sentences, 2);
  EXPECT_EQ(first.hits, 1);
  EXPECT_EQ(first.intersection, 4);
  EXPECT_EQ(first.union_, 6);
  EXPECT_EQ(first.iou, 1.25);  // 3/4 + 1/2
  const Figures all = figures(sums.images());
  EXPECT_NEAR(all.point_m, 100.0 / 3, 1e-12);
  EXPECT_NEAR(all.miou, 125.0 / 3, 1e-12);
  EXPECT_NEAR(all.oiou, 400.0 / 11, 1e-12);
}

TEST(Bootstrap, HasNoWidthWhereImagesAreAlike) {
  SumsByImage sums;
  for (std::int64_t image = 0; image < 8; ++image) {
    sums.add(image, answer(true, 1, 4));
    sums.add(image, answer(false, 1, 4));
  }
  const Intervals found = bootstrap(sums.images());
  for (const auto& [interval, value] :
       {std::pair(found.point_m, 50.0), std::pair(found.miou, 25.0), std::pair(found.oiou, 25.0)}) {
    EXPECT_EQ(interval.low, value);
    EXPECT_EQ(interval.high, value);
  }
}

TEST(Bootstrap, DrawsWholeImages) {
  // Two images of three sentences each: all right, all wrong. A quarter of the draws has just one
  // of them, so that 95 % reach from 0 to 100, which single sentences of 3 and 3 would not.
  SumsByImage sums;
  for (int i = 0; i < 3; ++i) sums.add(1, answer(true, 10, 10));
  for (int i = 0; i < 3; ++i) sums.add(2, answer(false, 0, 30));
  const Intervals found = bootstrap(sums.images());
  EXPECT_EQ(found.point_m.low, 0);
  EXPECT_EQ(found.point_m.high, 100);
  EXPECT_EQ(found.oiou.high, 100);
  const Intervals half = bootstrap(sums.images(), {.level = 40});  // both images: half of the draws
  EXPECT_EQ(half.point_m.low, 50);
  EXPECT_EQ(half.point_m.high, 50);
  EXPECT_EQ(half.oiou.low, 25);  // 30 of 120 pixels
}

TEST(Bootstrap, IsThatOfANaiveLoopOverSentences) {
  const auto answers = some_answers(60);
  constexpr std::int64_t kResamples = 200;
  core::Rng rng(3);
  std::vector<double> values[3];
  for (std::int64_t i = 0; i < kResamples; ++i) {
    ScoreAccumulator drawn;
    for (int k = 0; k < 60; ++k) {
      const auto image_id = static_cast<std::int64_t>(rng.below(60)) * 7;
      for (const auto& one : answers) {
        if (one.image_id == image_id) drawn.add(one.score);
      }
    }
    const Scores scores = drawn.result();
    values[0].push_back(scores.point_m);
    values[1].push_back(scores.miou);
    values[2].push_back(scores.oiou);
  }
  const Intervals found =
      bootstrap(sums_of(answers).images(), {.level = 90, .resamples = kResamples, .seed = 3});
  const Interval own[] = {found.point_m, found.miou, found.oiou};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(own[i].low, naive_percentile(values[i], 0.05), 1e-9);
    EXPECT_NEAR(own[i].high, naive_percentile(values[i], 0.95), 1e-9);
    EXPECT_GT(own[i].high, own[i].low + 1);
  }
}

TEST(Bootstrap, IsNearTheNormalIntervalOfManyImages) {
  SumsByImage sums;
  for (std::int64_t image = 0; image < 400; ++image) {
    sums.add(image, answer(image % 4 != 0, 1, 2));
  }
  const Intervals found = bootstrap(sums.images());
  const double half = 196 * std::sqrt(0.75 * 0.25 / 400);  // 1.96 standard errors, in percent
  EXPECT_NEAR(found.point_m.low, 75 - half, 0.6);
  EXPECT_NEAR(found.point_m.high, 75 + half, 0.6);
}

TEST(Bootstrap, DependsOnTheSeedAlone) {
  const auto sums = sums_of(some_answers(40));
  const Intervals once = bootstrap(sums.images());
  EXPECT_EQ(bootstrap(sums.images()).miou.low, once.miou.low);
  EXPECT_NE(bootstrap(sums.images(), {.seed = 1}).miou.low, once.miou.low);
}

TEST(Bootstrap, RefusesNoImages) { EXPECT_THROW(bootstrap({}), core::Error); }

TEST(BootstrapDifference, DrawsTheSameImagesOfBoth) {
  // The images differ much; what differs between the two is the same on each.
  SumsByImage a;
  SumsByImage b;
  for (std::int64_t image = 0; image < 50; ++image) {
    a.add(image, answer(image % 2 == 0, image, 100));
    b.add(image, answer(image % 2 == 0, image + 10, 100));
  }
  const Intervals found = bootstrap_difference(a.images(), b.images());
  EXPECT_NEAR(found.miou.low, 10, 1e-9);
  EXPECT_NEAR(found.miou.high, 10, 1e-9);
  EXPECT_EQ(found.point_m.low, 0);
  EXPECT_EQ(found.point_m.high, 0);
}

TEST(BootstrapDifference, IsOfBMinusA) {
  SumsByImage a;
  SumsByImage b;
  for (std::int64_t image = 0; image < 5; ++image) {
    a.add(image, answer(true, 3, 4));
    b.add(image, answer(true, 1, 4));
  }
  EXPECT_EQ(bootstrap_difference(a.images(), b.images()).miou.high, -50);
  b.add(9, answer(true, 1, 4));
  EXPECT_THROW(bootstrap_difference(a.images(), b.images()), core::Error);
}

// Sums of binomial coefficients over 2^n; the larger ones by Python's fractions:
// 2 * sum(Fraction(comb(n, k), 2**n) for k in range(min(a, b) + 1)).
TEST(McNemar, IsExact) {
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_NEAR(mcnemar_exact(0, 5), 0.0625, 1e-12);       // 2 / 32
  EXPECT_NEAR(mcnemar_exact(9, 1), 0.021484375, 1e-12);  // 2 (1 + 10) / 1024
  EXPECT_NEAR(mcnemar_exact(1, 9), 0.021484375, 1e-12);
  EXPECT_EQ(mcnemar_exact(3, 3), 1);
  EXPECT_NEAR(mcnemar_exact(40, 70), 0.005447429511444482, 1e-12);
  EXPECT_NEAR(mcnemar_exact(1800, 2000), 0.0012427867782631994, 1e-12);
  EXPECT_EQ(mcnemar_exact(0, 4000), 0);  // 2^-3999
}

}  // namespace
}  // namespace pcnet::metrics
