#include "tell_each.h"

#include <algorithm>

#include "pcnet/core/parallel.h"

namespace pcnet::data {

void tell_each(const Tell& tell, const char* what, std::size_t count, int threads,
               const std::function<void(std::size_t)>& work,
               const std::function<void(std::size_t, std::size_t)>& after) {
  const auto say = [&](std::size_t done) {
    if (!tell || count == 0) return;
    tell(what, static_cast<std::int64_t>(done), static_cast<std::int64_t>(count));
  };
  say(0);
  const std::size_t step = std::size_t{32} * static_cast<std::size_t>(std::max(threads, 1));
  for (std::size_t begin = 0; begin < count; begin += step) {
    const std::size_t end = std::min(begin + step, count);
    core::parallel_for(static_cast<std::int64_t>(end - begin), threads,
                       [&](std::int64_t i) { work(begin + static_cast<std::size_t>(i)); });
    if (after) after(begin, end);
    say(end);
  }
}

}  // namespace pcnet::data
