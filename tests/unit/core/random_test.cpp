#include "pcnet/core/random.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace pcnet::core {
namespace {

TEST(Rng, GivesTheSameNumbersForTheSameCoordinates) {
  Rng a({7, 1});
  Rng b({7, 1});
  Rng c({7, 2});
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Rng, KnowsTheOrderOfItsCoordinates) { EXPECT_NE(Rng({1, 2}).next(), Rng({2, 1}).next()); }

TEST(Rng, StaysBelowTheBoundAndReachesEveryValue) {
  Rng rng(3);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto value = rng.below(7);
    ASSERT_LT(value, 7U);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 7U);
}

TEST(Rng, UniformHasTheMeanAndRangeOfTheUnitInterval) {
  Rng rng(5);
  double sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const double value = rng.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 20000, 0.5, 0.01);
}

TEST(Rng, ShuffleKeepsEveryItem) {
  std::vector<int> items = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  Rng rng(11);
  rng.shuffle(items);
  EXPECT_FALSE(std::is_sorted(items.begin(), items.end()));
  std::sort(items.begin(), items.end());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(items[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace pcnet::core
