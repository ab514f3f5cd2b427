#include "src/runtime/memory_estimate.h"

#include <gtest/gtest.h>

namespace pcnet::runtime {
namespace {

/// 100 bytes of gradients; steps of 50 B + 2 B^2 bytes.
MemoryEstimate example() {
  MemoryEstimate estimate(/*weights=*/1000, /*gradients=*/100, /*moments=*/2000);
  estimate.add({.batch_size = 8, .peak = 400 + 128, .largest = 7});
  estimate.add({.batch_size = 4, .peak = 200 + 32, .largest = 5});
  return estimate;
}

TEST(MemoryEstimate, GoesThroughTheMeasuredStepsAndOnWithTheirSquare) {
  const MemoryEstimate estimate = example();
  EXPECT_EQ(estimate.step_bytes(4), 232U);
  EXPECT_EQ(estimate.step_bytes(8), 528U);
  EXPECT_EQ(estimate.step_bytes(1), 100U);  // the gradients
  EXPECT_EQ(estimate.step_bytes(16), 800U + 512);
}

TEST(MemoryEstimate, IsProportionalAfterOneStep) {
  MemoryEstimate estimate(0, 100, 0);
  EXPECT_TRUE(estimate.is_empty());
  estimate.add({.batch_size = 4, .peak = 140, .largest = 5});
  EXPECT_FALSE(estimate.is_empty());
  EXPECT_EQ(estimate.step_bytes(8), 280U);
}

TEST(MemoryEstimate, NamesTheLargestBatchThatFitsWithATenthToSpare) {
  const MemoryEstimate estimate = example();
  EXPECT_EQ(estimate.largest_batch(1000), 12);  // 900: 888 bytes fit, 13 take 988
  EXPECT_EQ(estimate.largest_batch(125), 2);    // 112.5
  EXPECT_EQ(estimate.largest_batch(110), 0);    // 99
}

TEST(MemoryEstimate, KeepsTheNewerStepOfOneSize) {
  MemoryEstimate estimate = example();
  estimate.add({.batch_size = 8, .peak = 600, .largest = 9});
  EXPECT_EQ(estimate.step_bytes(8), 600U);
  EXPECT_EQ(estimate.report().measured.size(), 2U);
}

TEST(MemoryEstimate, TellsEachPart) {
  const MemoryReport report = example().report();
  EXPECT_EQ(report.weights, 1000U);
  EXPECT_EQ(report.gradients, 100U);
  EXPECT_EQ(report.moments, 2000U);
  EXPECT_EQ(report.activations, 428U);
  EXPECT_EQ(report.largest_tensor, 7U);
  EXPECT_EQ(report.step_peak, 528U);
  EXPECT_EQ(report.total, 3528U);
  EXPECT_EQ(report.per_picture, 50);
  EXPECT_EQ(report.per_pair, 2);
  const auto& sizes = report.batch_sizes;
  ASSERT_EQ(sizes.size(), 5U);
  EXPECT_EQ(sizes[3].size, 16);
  EXPECT_EQ(sizes[3].bytes, 4312U);
}

}  // namespace
}  // namespace pcnet::runtime
