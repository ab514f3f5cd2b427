#pragma once

#include <cstdint>
#include <functional>

namespace pcnet::core {

/// Calls `work(begin, end)` for parts of [0, count) that cover it, on the threads that LibTorch's
/// operations run on: no other team is started beside theirs. (at::parallel_for uses these threads
/// only in files that are compiled with their OpenMP library.)
void on_team(std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& work);

}  // namespace pcnet::core
