#pragma once

#include <cstdint>
#include <functional>

namespace pcnet::core {

/// Calls `work(begin, end)` for parts of [0, count) that cover it, on the threads that LibTorch's
/// operations run on: no other team is started beside theirs. (at::parallel_for uses these threads
/// only in files that are compiled with their OpenMP library.)
void on_team(std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& work);

/// Ends the team of threads that loops of the calling thread have started; its next loop starts
/// another. For a thread that computes once or seldom beside one that computes often: while there
/// are more threads than cores in all teams, also in idle ones, GNU's OpenMP library lets them all
/// sleep at once where they wait, and waking them takes longer than a small operation. With another
/// library nothing is done.
void end_team();

}  // namespace pcnet::core
