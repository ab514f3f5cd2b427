#include "pcnet/core/team.h"

#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "pcnet/core/barriers.h"
#include "pcnet/core/device.h"

namespace pcnet::core {
namespace {

std::ptrdiff_t threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

/// How often each of so many numbers came.
std::vector<int> turns(std::int64_t count) {
  std::vector<int> seen(static_cast<std::size_t>(count));
  on_team(count, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
  });
  return seen;
}

TEST(OnTeam, TakesEachNumberOnce) {
  for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
    EXPECT_EQ(turns(count), std::vector<int>(static_cast<std::size_t>(count), 1));
  }
}

TEST(EndTeam, EndsItsThreadsAndTheNextLoopHasOthers) {
  if (barrier_waiting().library != "libgomp") GTEST_SKIP() << "another OpenMP library";
  std::thread([] {
    const LoopsOnThisThread three(3);
    const auto before = threads_of_this_process();
    turns(100);
    EXPECT_EQ(threads_of_this_process(), before + 2);
    end_team();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (threads_of_this_process() > before && std::chrono::steady_clock::now() < limit) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(threads_of_this_process(), before);
    EXPECT_EQ(turns(100), std::vector<int>(100, 1));
    EXPECT_EQ(threads_of_this_process(), before + 2);
    end_team();
  }).join();
}

}  // namespace
}  // namespace pcnet::core
