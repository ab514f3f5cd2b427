#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace pcnet::core {

/// So many at once, more wait. (std::counting_semaphore of libstdc++ 12 can lose a wake-up.)
class Turns {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Turns(int count) : free_(count) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// Waits for a turn; false when the deadline passes first.
  bool take(std::optional<Deadline> deadline = std::nullopt);
  void give(int count = 1);

  /// A turn while it lives.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) { turns_.take(); }
    ~Turn() { turns_.give(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int free_;
};

}  // namespace pcnet::core
