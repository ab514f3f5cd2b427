#include "pcnet/core/barriers.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "pcnet/core/device.h"

namespace pcnet::core {
namespace {

using namespace std::chrono_literals;

/// More threads that compute without end than there are cores.
class Crowd {
 public:
  Crowd() {
    const unsigned count = 2 * std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) continue;
      });
    }
  }

 private:
  std::vector<std::jthread> threads_;
};

/// Looks seldom: on a busy machine each look waits for a core, too.
bool becomes(bool crowded) {
  for (int look = 0; look < 120 && is_crowded() != crowded; ++look) {
    std::this_thread::sleep_for(500ms);
  }
  return is_crowded() == crowded;
}

double thread_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + 1e-9 * static_cast<double>(spent.tv_nsec);
}

/// Processor time that the second of two threads spends on waiting for the first, which sleeps at
/// each of `rounds` barriers.
double seconds_at_barriers(int rounds) {
  double first = 0;
  double last = 0;
  for (int round = 0; round < rounds; ++round) {
    at::parallel_for(0, 2, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t) {
      if (begin == 0) {
        std::this_thread::sleep_for(20ms);
      } else {
        last = thread_seconds();
        if (round == 0) first = last;
      }
    });
  }
  return last - first;
}

class Barriers : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("GOMP_SPINCOUNT");
    ::unsetenv("OMP_WAIT_POLICY");
    if (barrier_waiting().library != "libgomp") GTEST_SKIP() << "another OpenMP library";
  }
  void TearDown() override { set_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

TEST_F(Barriers, ThreadsSleepWhileOthersUseTheCores) {
  set_threads(2);
  const Crowd crowd;
  ASSERT_TRUE(becomes(/*crowded=*/true));
  // 300,000 turns a round, libgomp's habit, are 2.5 ms or more of each of these 20 ms.
  EXPECT_LT(seconds_at_barriers(10), 0.005);
}

TEST_F(Barriers, ThreadsSpinAgainWhenTheCoresAreFree) {
  set_threads(2);
  {
    const Crowd crowd;
    ASSERT_TRUE(becomes(/*crowded=*/true));
  }
  EXPECT_TRUE(becomes(/*crowded=*/false));
}

TEST_F(Barriers, TheUsersChoiceWins) {
  EXPECT_TRUE(barrier_waiting().watched);
  ::setenv("GOMP_SPINCOUNT", "7", 1);
  EXPECT_FALSE(barrier_waiting().watched);
  EXPECT_EQ(barrier_waiting().spin_count, "7");
  ::unsetenv("GOMP_SPINCOUNT");
  ::setenv("OMP_WAIT_POLICY", "active", 1);
  EXPECT_FALSE(barrier_waiting().watched);
  EXPECT_EQ(barrier_waiting().wait_policy, "active");
  ::unsetenv("OMP_WAIT_POLICY");
}

}  // namespace
}  // namespace pcnet::core
