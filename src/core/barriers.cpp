#include "pcnet/core/barriers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include "pcnet/core/log.h"

namespace pcnet::core {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

// Shares of a core for which this process's threads, taken together, wait for one
// (docs/threads.md).
constexpr double kCrowded = 0.4;
constexpr double kFree = 0.1;
constexpr auto kLook = std::chrono::milliseconds(100);
constexpr int kFreeLooks = 5;  // in a row, before the threads spin again

/// libgomp's entry for a parallel region: `work` on so many threads.
using Parallel = void (*)(void (*work)(void*), void* data, unsigned threads, unsigned flags);

/// Null when the library is none or another: the others have this entry for programs of GNU's
/// compilers, but also entries of their own.
Parallel libgomp_parallel() {
  if (::dlsym(RTLD_DEFAULT, "__kmpc_fork_call") != nullptr) return nullptr;
  return reinterpret_cast<Parallel>(::dlsym(RTLD_DEFAULT, "GOMP_parallel"));
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// The processors that libgomp counts when it is loaded.
int processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

/// A team of threads that has nothing to do. libgomp lets all threads of a process sleep early,
/// after a thousand turns instead of 300,000, while it manages more of them than there are
/// processors.
class IdleTeam {
 public:
  IdleTeam(Parallel parallel, int size)
      : thread_([parallel, size](const std::stop_token& stop) {
          parallel([](void*) {}, nullptr, static_cast<unsigned>(size), /*flags=*/0);
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any().wait(lock, stop, [] { return false; });
        }) {}

 private:
  std::jthread thread_;  // its end is the team's
};

/// Nanoseconds for which the other threads of this process have waited for a core so far; nullopt
/// where the kernel does not count them.
std::optional<double> waited_nanoseconds() {
  double sum = 0;
  bool counted = false;
  const std::string self = std::to_string(::gettid());
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/self/task", gone)) {
    if (task.path().filename() == self) continue;
    std::ifstream in(task.path() / "schedstat");
    double ran = 0;
    double waited = 0;
    if (!(in >> ran >> waited)) continue;  // ended meanwhile
    sum += waited;
    counted = true;
  }
  return counted ? std::optional(sum) : std::nullopt;
}

class CrowdWatch {
 public:
  CrowdWatch(Parallel parallel, int threads)
      : parallel_(parallel),
        team_size_(std::max(2, processors() - threads + 2)),
        thread_([this](const std::stop_token& stop) { watch(stop); }) {}

  bool is_crowded() const { return crowded_; }

 private:
  void watch(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any sleep;
    std::optional<double> before = waited_nanoseconds();
    Clock::time_point then = Clock::now();
    while (!sleep.wait_for(lock, stop, kLook, [&stop] { return stop.stop_requested(); })) {
      const std::optional<double> now = waited_nanoseconds();
      const Clock::time_point at = Clock::now();
      const double span = std::chrono::duration<double, std::nano>(at - then).count();
      // Where nobody counts, another's work can be in the way at any time.
      see(now && before ? (*now - *before) / span : 1);
      before = now;
      then = at;
    }
  }

  void see(double share) {
    free_looks_ = share < kFree ? free_looks_ + 1 : 0;
    if (share > kCrowded && !team_) {
      team_.emplace(parallel_, team_size_);
      log::debug("other processes use the cores: threads sleep at barriers instead of spinning");
    } else if (team_ && free_looks_ >= kFreeLooks) {
      team_.reset();
      log::debug("the cores are free: threads spin at barriers");
    }
    crowded_ = team_.has_value();
  }

  Parallel parallel_;
  int team_size_;
  int free_looks_ = 0;
  std::atomic<bool> crowded_ = false;
  std::optional<IdleTeam> team_;
  std::jthread thread_;
};

/// Lives from the first parallel work to the end of the process.
std::optional<CrowdWatch>& crowd_watch() {
  static std::optional<CrowdWatch> watch;
  return watch;
}

}  // namespace

BarrierWaiting barrier_waiting() {
  BarrierWaiting found;
  found.library = libgomp_parallel() != nullptr ? "libgomp" : "other";
  found.wait_policy = environment("OMP_WAIT_POLICY");
  found.spin_count = environment("GOMP_SPINCOUNT");
  found.watched =
      found.library == "libgomp" && found.wait_policy.empty() && found.spin_count.empty();
  return found;
}

void watch_for_crowding(int threads) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (threads < 2 || crowd_watch() || !barrier_waiting().watched) return;
  crowd_watch().emplace(libgomp_parallel(), threads);
}

bool is_crowded() { return crowd_watch() && crowd_watch()->is_crowded(); }

}  // namespace pcnet::core
