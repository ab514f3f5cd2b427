#include "pcnet/core/turns.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace pcnet::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(Turns, AreSoManyAtOnceAndReachAll) {
  Turns turns(3);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        const Turns::Turn turn(turns);
        const int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::yield();
        --inside;
        ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 1600);
  EXPECT_LE(most, 3);
  EXPECT_EQ(inside, 0);
}

TEST(Turns, AreNotHadAfterTheDeadline) {
  Turns turns(1);
  EXPECT_TRUE(turns.take(steady_clock::now() - milliseconds(1)));  // one is free: nobody waits
  EXPECT_FALSE(turns.take(steady_clock::now() + milliseconds(5)));
  turns.give();
  EXPECT_TRUE(turns.take(steady_clock::now() + milliseconds(5)));
}

}  // namespace
}  // namespace pcnet::core
