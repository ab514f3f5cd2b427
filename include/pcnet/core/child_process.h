#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace pcnet::core {

/// The file of the program that is running.
std::filesystem::path this_program();

/// A program that runs beside this one. It has a process group of its own, so that Ctrl-C reaches
/// it only through stop(), and it is asked to stop (SIGTERM) when this process dies.
class ChildProcess {
 public:
  /// Starts it; its stdout and stderr are added to the end of `log`. Error when it or the log
  /// cannot be opened.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const std::filesystem::path& log);
  /// stop(), and waits.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Its exit code, or 128 + the signal that ended it; nothing while it runs.
  std::optional<int> exit_code();
  /// Asks it to stop (SIGTERM) if it runs: once, however often it is called, since a second
  /// signal may end a program before it has saved.
  void stop();

 private:
  pid_t process_ = -1;
  std::optional<int> exit_code_;
  bool asked_to_stop_ = false;
};

}  // namespace pcnet::core
