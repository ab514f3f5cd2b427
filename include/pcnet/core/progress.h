#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::core {

/// Progress of a long piece of work on stderr: a bar with rate and time left on a terminal, a plain
/// line every few seconds when stderr is none, nothing with -q. A log message does not tear the
/// bar. Used from one thread; other threads may log meanwhile.
class Progress {
 public:
  /// @param what what is being done, e.g. "training"
  /// @param total units in all; `already` of them were done before (a resumed run)
  /// @param unit name of a unit, e.g. "images"
  Progress(std::string what, std::int64_t total, std::string unit, std::int64_t already = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` units are done; `note` (a loss, say) is shown beside them, and as many of `more`, in
  /// their order, as a terminal has room for beside the bar.
  void update(std::int64_t done, std::string_view note = {}, std::vector<std::string> more = {});
  /// Ends the bar and leaves its last state as a line.
  void finish();

 private:
  void draw(bool last);

  using Clock = std::chrono::steady_clock;
  std::string what_;
  std::string unit_;
  std::string note_;
  std::vector<std::string> more_;
  std::int64_t total_;
  std::int64_t already_;
  std::int64_t done_;
  Clock::time_point start_;
  Clock::time_point drawn_;
  bool finished_ = false;
};

}  // namespace pcnet::core
