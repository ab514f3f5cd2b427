#include "pcnet/core/parallel.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "pcnet/core/machine.h"

namespace pcnet::core {

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& work) {
  std::atomic<std::int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&] {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  const auto extra = std::min<std::int64_t>(std::max(threads, 1), count) - 1;
  {
    std::vector<std::jthread> workers;
    for (std::int64_t i = 0; i < extra; ++i) workers.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

int usable_threads(int requested) {
  if (requested > 0) return requested;
  // A list has a number for each level of nested parallel loops: the first counts.
  if (const char* chosen = std::getenv("OMP_NUM_THREADS")) {
    const long threads = std::strtol(chosen, nullptr, /*base=*/10);
    if (threads > 0 && threads <= kMostThreads) return static_cast<int>(threads);
  }
  return usable_cores();
}

}  // namespace pcnet::core
