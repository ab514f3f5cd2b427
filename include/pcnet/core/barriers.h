#pragma once

#include <string>

namespace pcnet::core {

/// How the threads of LibTorch's parallel loops wait for one another.
struct BarrierWaiting {
  std::string library;      ///< "libgomp", or "other" when LibTorch uses another OpenMP library
  std::string wait_policy;  ///< OMP_WAIT_POLICY, empty when unset
  std::string spin_count;   ///< GOMP_SPINCOUNT, empty when unset
  bool watched = false;     ///< `watch_for_crowding` acts here
};
BarrierWaiting barrier_waiting();

/// From now on the threads of LibTorch's parallel loops sleep early at a barrier while one of this
/// process's threads has to wait for a core, and spin for some milliseconds, OpenMP's habit, while
/// none has. Without it, spinning threads take the cores from the one that they wait for: one other
/// busy process on two cores makes a training step of small kernels 5 to 20 times slower. Nothing
/// is done where the user chose (GOMP_SPINCOUNT, OMP_WAIT_POLICY) or OpenMP's library is another.
/// @param threads of this process's parallel loops
void watch_for_crowding(int threads);

/// Whether the threads sleep early now.
bool is_crowded();

}  // namespace pcnet::core
