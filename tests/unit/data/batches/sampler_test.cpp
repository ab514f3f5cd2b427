#include "pcnet/data/batches/sampler.h"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"

namespace pcnet::data {
namespace {

using Positions = std::vector<std::size_t>;
using Groups = std::vector<std::int64_t>;

TEST(EpochSampler, CoversEverySampleOnceAnEpoch) {
  EpochSampler sampler(12, 3, 7);
  ASSERT_EQ(sampler.steps_per_epoch(), 4);
  std::set<Positions> orders;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    Positions seen;
    for (std::int64_t step = 4 * epoch; step < 4 * epoch + 4; ++step) {
      EXPECT_EQ(sampler.epoch_of(step), epoch);
      const Positions batch = sampler.samples_of(step);
      EXPECT_EQ(batch.size(), 3U);
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    orders.insert(seen);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (Positions{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  }
  EXPECT_EQ(orders.size(), 3U);  // an order of its own each
}

TEST(EpochSampler, LeavesOutALastSmallerBatchButNotTheOnlyOne) {
  EpochSampler sampler(11, 4, 0);
  EXPECT_EQ(sampler.steps_per_epoch(), 2);
  EXPECT_EQ(sampler.samples_of(3).size(), 4U);
  EpochSampler small(3, 8, 0);
  EXPECT_EQ(small.steps_per_epoch(), 1);
  Positions only = small.samples_of(5);
  std::sort(only.begin(), only.end());
  EXPECT_EQ(only, (Positions{0, 1, 2}));
  EXPECT_THROW(EpochSampler(0, 4, 0), core::Error);
}

TEST(EpochSampler, GivesAStepTheSameSamplesInAnyOrderOfAsking) {
  EpochSampler forwards(10, 3, 5);
  std::vector<Positions> steps;
  for (std::int64_t step = 0; step < 9; ++step) steps.push_back(forwards.samples_of(step));
  EpochSampler backwards(10, 3, 5);
  for (std::int64_t step = 8; step >= 0; --step) {
    EXPECT_EQ(backwards.samples_of(step), steps[static_cast<std::size_t>(step)]) << step;
  }
  EXPECT_NE(EpochSampler(10, 3, 6).samples_of(0), steps[0]);
}

/// Pairs of samples of one group that share a batch of the epoch; every sample once.
std::int64_t clashes(EpochSampler& sampler, const Groups& groups, std::int64_t epoch) {
  const std::int64_t steps = sampler.steps_per_epoch();
  std::int64_t pairs = 0;
  std::set<std::size_t> seen;
  std::size_t drawn = 0;
  for (std::int64_t step = epoch * steps; step < (epoch + 1) * steps; ++step) {
    std::map<std::int64_t, std::int64_t> in_batch;
    for (const std::size_t sample : sampler.samples_of(step)) {
      pairs += in_batch[groups[sample]]++;
      seen.insert(sample);
      ++drawn;
    }
  }
  EXPECT_EQ(seen.size(), drawn);
  return pairs;
}

TEST(EpochSampler, KeepsGroupsApartWhereverThatCanBe) {
  core::Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    const auto samples = static_cast<std::int64_t>(2 + rng.below(60));
    const auto batch = static_cast<std::int64_t>(1 + rng.below(12));
    const std::uint64_t kinds = 1 + rng.below(static_cast<std::uint64_t>(samples));
    Groups groups;
    for (std::int64_t i = 0; i < samples; ++i) {
      groups.push_back(static_cast<std::int64_t>(rng.below(kinds)) - 3);
    }
    EpochSampler sampler(samples, batch, 9, groups);
    // A batch may hold a group once, so that an epoch has room for as many as it has steps.
    const std::int64_t steps = sampler.steps_per_epoch();
    std::map<std::int64_t, std::int64_t> sizes;
    for (const auto group : groups) ++sizes[group];
    std::int64_t room = 0;
    for (const auto& [group, size] : sizes) room += std::min(size, steps);
    const bool avoidable = room >= steps * std::min(batch, samples);
    EXPECT_EQ(sampler.unavoidable_clashes() == 0, avoidable);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      const std::int64_t found = clashes(sampler, groups, epoch);
      EXPECT_EQ(found == 0, avoidable) << samples << " samples, batch " << batch;
    }
  }
}

TEST(EpochSampler, CoversEverySampleOnceAnEpochWithGroups) {
  const Groups groups = {1, 1, 1, 2, 2, 3, 3, 3, 4, 5, 6, 6};
  EpochSampler sampler(12, 4, 3, groups);
  std::set<Positions> orders;
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    Positions seen;
    for (std::int64_t step = 3 * epoch; step < 3 * epoch + 3; ++step) {
      const Positions batch = sampler.samples_of(step);
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    orders.insert(seen);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (Positions{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  }
  EXPECT_EQ(orders.size(), 4U);
}

TEST(EpochSampler, BringsEachPairOfGroupsTogetherAboutAsOften) {
  // 30 groups of 2 in 6 batches of 10: a pair of samples of different groups shares a batch with
  // probability 9/58, near the 9/59 of a plain shuffle.
  Groups groups;
  for (std::int64_t i = 0; i < 60; ++i) groups.push_back(i / 2);
  EpochSampler sampler(60, 10, 1, groups);
  std::map<std::pair<std::size_t, std::size_t>, int> together;
  constexpr int kEpochs = 2000;
  for (std::int64_t step = 0; step < 6 * kEpochs; ++step) {
    Positions batch = sampler.samples_of(step);
    std::sort(batch.begin(), batch.end());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) ++together[{batch[j], batch[i]}];
    }
  }
  EXPECT_EQ(together.size(), 60U * 59 / 2 - 30);
  for (const auto& [pair, times] : together) {
    EXPECT_NEAR(times, kEpochs * 9.0 / 58, 90) << pair.first << " and " << pair.second;
  }
}

}  // namespace
}  // namespace pcnet::data
