#include "pcnet/engine/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace pcnet::engine {
namespace {

TEST(Schedule, DecaysPolynomiallyToZero) {
  const Schedule schedule{.total_steps = 100, .warmup_steps = 0, .decay_power = 0.9};
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1);
  EXPECT_DOUBLE_EQ(schedule.factor(50), std::pow(0.5, 0.9));
  EXPECT_DOUBLE_EQ(schedule.factor(99), std::pow(0.01, 0.9));
  EXPECT_EQ(schedule.factor(100), 0);
  EXPECT_EQ(schedule.factor(1000), 0);
}

TEST(Schedule, WarmsUpLinearly) {
  const Schedule schedule{.total_steps = 10, .warmup_steps = 4, .decay_power = 1};
  const double wanted[] = {0.25, 0.5, 0.75, 1, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1};
  for (int step = 0; step < 10; ++step) EXPECT_DOUBLE_EQ(schedule.factor(step), wanted[step]);
}

TEST(Schedule, IsConstantForPowerZero) {
  const Schedule schedule{.total_steps = 5, .decay_power = 0};
  EXPECT_EQ(schedule.factor(0), 1);
  EXPECT_EQ(schedule.factor(4), 1);
  EXPECT_EQ(schedule.factor(5), 0);
}

}  // namespace
}  // namespace pcnet::engine
