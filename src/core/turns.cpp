#include "pcnet/core/turns.h"

namespace pcnet::core {

bool Turns::take(std::optional<Deadline> deadline) {
  std::unique_lock lock(mutex_);
  const auto is_free = [&] { return free_ > 0; };
  if (!deadline) {
    changed_.wait(lock, is_free);
  } else if (!changed_.wait_until(lock, *deadline, is_free)) {
    return false;
  }
  --free_;
  return true;
}

void Turns::give(int count) {
  {
    const std::lock_guard lock(mutex_);
    free_ += count;
  }
  count == 1 ? changed_.notify_one() : changed_.notify_all();
}

}  // namespace pcnet::core
