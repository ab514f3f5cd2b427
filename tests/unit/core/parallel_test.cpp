#include "pcnet/core/parallel.h"

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>
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

/// An environment variable for the length of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value, /*replace=*/1);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(UsableThreads, TakesTheRequestThenTheUsersThenWhatTheMachineAllows) {
  const Variable chosen("OMP_NUM_THREADS", "5");
  EXPECT_EQ(usable_threads(3), 3);
  EXPECT_EQ(usable_threads(0), 5);
  ::setenv("OMP_NUM_THREADS", "4,2", 1);  // of nested loops: the outer one counts
  EXPECT_EQ(usable_threads(0), 4);
  ::setenv("OMP_NUM_THREADS", "99999", 1);  // more than --threads takes
  EXPECT_EQ(usable_threads(0), usable_cores());
  ::setenv("OMP_NUM_THREADS", "many", 1);
  EXPECT_EQ(usable_threads(0), usable_cores());
  ::unsetenv("OMP_NUM_THREADS");
  EXPECT_EQ(usable_threads(0), usable_cores());
}

}  // namespace
}  // namespace pcnet::core
