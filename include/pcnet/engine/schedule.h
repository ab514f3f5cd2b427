#pragma once

#include <cstdint>

namespace pcnet::engine {

/// Linear warm-up, then polynomial decay to zero (docs/method.md#training).
struct Schedule {
  std::int64_t total_steps = 0;
  std::int64_t warmup_steps = 0;
  double decay_power = 0.9;

  /// The factor of the peak rate at step (0-based), a pure function: (s + 1) / warmup during the
  /// warm-up, then (1 - s / total)^power.
  double factor(std::int64_t step) const;
};

}  // namespace pcnet::engine
