#pragma once

#include <chrono>

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

}  // namespace pcnet::core
