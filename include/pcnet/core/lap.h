#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

namespace pcnet::core {

/// A stop watch: `take` gives the seconds of the lap that ends, and the next one begins.
class Lap {
 public:
  double take() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> spent = now - last_;
    last_ = now;
    return spent.count();
  }

  /// Those of the lap so far.
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - last_).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// The shortest of so many passes, of fewer once they took `enough` seconds together. The first
/// one, which warms up, counts only when it is the only one.
inline double shortest_seconds(const std::function<void()>& pass, int passes,
                               double enough = std::numeric_limits<double>::infinity()) {
  Lap lap;
  double spent = 0;
  double shortest = 0;
  for (int i = 0; i < passes && (i == 0 || spent < enough); ++i) {
    pass();
    const double seconds = lap.take();
    spent += seconds;
    shortest = i <= 1 ? seconds : std::min(shortest, seconds);
  }
  return shortest;
}

}  // namespace pcnet::core
