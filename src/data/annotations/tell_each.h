#pragma once

#include <cstddef>
#include <functional>

#include "pcnet/data/annotations/tell.h"

namespace pcnet::data {

/// Calls `work(i)` for each of `count` things, called `what`, on several threads, and tells how far
/// it is. After each chunk `after(begin, end)` is called, on this thread.
void tell_each(const Tell& tell, const char* what, std::size_t count, int threads,
               const std::function<void(std::size_t)>& work,
               const std::function<void(std::size_t, std::size_t)>& after = {});

}  // namespace pcnet::data
