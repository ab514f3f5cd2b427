#pragma once

#include <chrono>

namespace pcnet::core {

/// A watch that gives the seconds since its last reading, at first since it was made.
class Lap {
 public:
  double seconds() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> spent = now - last_;
    last_ = now;
    return spent.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace pcnet::core
