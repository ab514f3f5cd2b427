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

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace pcnet::core
