#include "pcnet/core/format.h"

#include <limits>

#include <gtest/gtest.h>

namespace pcnet::core {
namespace {

TEST(Cat, WritesItsPartsOneAfterTheOther) { EXPECT_EQ(cat("a", 1, '-', 2.5), "a1-2.5"); }

TEST(Fixed, KeepsTheDecimalsAskedFor) {
  EXPECT_EQ(fixed(62.512, 1), "62.5");
  EXPECT_EQ(fixed(-1, 2), "-1.00");
  EXPECT_EQ(fixed(0.6, 0), "1");
}

TEST(HumanBytes, ChangesUnitAtPowersOf1024) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(3ULL << 29U), "1.5 GiB");
  EXPECT_EQ(human_bytes(1ULL << 60U), "1048576.0 TiB");
}

TEST(HumanSeconds, NeverShowsSixtySeconds) {
  EXPECT_EQ(human_seconds(0), "0.0 s");
  EXPECT_EQ(human_seconds(4.2), "4.2 s");
  EXPECT_EQ(human_seconds(59.94), "59.9 s");
  EXPECT_EQ(human_seconds(59.96), "1:00");
  EXPECT_EQ(human_seconds(187), "3:07");
  EXPECT_EQ(human_seconds(3599.4), "59:59");
  EXPECT_EQ(human_seconds(3599.6), "1:00:00");
  EXPECT_EQ(human_seconds(3729), "1:02:09");
}

TEST(HumanSeconds, SaysUnknownWhenNotFinite) {
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::infinity()), "unknown");
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::quiet_NaN()), "unknown");
}

TEST(Join, PutsTheSeparatorOnlyBetween) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a"}, ", "), "a");
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
}

TEST(Nearest, FindsATypoAndNothingWhenNoneIsNear) {
  const std::vector<std::string> names = {"batch_size", "epochs", "max_steps"};
  EXPECT_EQ(nearest("batch_sise", names), "batch_size");
  EXPECT_EQ(nearest("epoch", names), "epochs");
  EXPECT_EQ(nearest("temperature", names), "");
  EXPECT_EQ(nearest("x", {}), "");
}

}  // namespace
}  // namespace pcnet::core
