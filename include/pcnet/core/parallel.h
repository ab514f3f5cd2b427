#pragma once

#include <cstdint>
#include <functional>

namespace pcnet::core {

/// Calls `work(i)` for every i in [0, count) on up to `threads` threads, in no order. The first
/// exception stops the rest and is thrown again here.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& work);

inline constexpr int kMostThreads = 1024;

/// The threads this process may use: `requested`, or when it is 0 OMP_NUM_THREADS (1 to 1024), or
/// without that as many as the processor, the affinity and the control group's quota allow.
int usable_threads(int requested);

}  // namespace pcnet::core
