#include "pcnet/core/parallel.h"

#include <atomic>
#include <vector>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/machine.h"

namespace pcnet::core {
namespace {

TEST(ParallelFor, CallsEveryIndexOnce) {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> calls(100);
    parallel_for(100, threads, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
}

TEST(ParallelFor, DoesNothingForNoWork) {
  parallel_for(0, 4, [](std::int64_t) { FAIL(); });
}

TEST(ParallelFor, StopsAndThrowsTheFirstException) {
  std::atomic<int> calls = 0;
  EXPECT_THROW(parallel_for(1'000'000, 3,
                            [&](std::int64_t) {
                              ++calls;
                              throw Error("broken");
                            }),
               Error);
  EXPECT_LE(calls, 3);
}

TEST(UsableThreads, TakesTheRequestOrWhatTheMachineAllows) {
  EXPECT_EQ(usable_threads(3), 3);
  EXPECT_EQ(usable_threads(0), usable_cores());
  EXPECT_GE(usable_cores(), 1);
}

TEST(Machine, UsableIsNoMoreThanThereIs) {
  const auto processor = processor_info();
  EXPECT_GE(processor.cores, processor.usable_cores);
  EXPECT_FALSE(processor.model.empty());
  EXPECT_FALSE(processor.has("no such instruction set"));
  const auto memory = memory_info();
  EXPECT_GT(memory.total, 0U);
  EXPECT_LE(memory.available, memory.total);
}

}  // namespace
}  // namespace pcnet::core
