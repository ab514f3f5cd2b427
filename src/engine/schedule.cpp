#include "pcnet/engine/schedule.h"

#include <cmath>

namespace pcnet::engine {

double Schedule::factor(std::int64_t step) const {
  if (step < warmup_steps) {
    return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  }
  if (step >= total_steps) return 0;
  return std::pow(1 - static_cast<double>(step) / static_cast<double>(total_steps), decay_power);
}

}  // namespace pcnet::engine
