#include "pcnet/core/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "system_call.h"

namespace pcnet::core {

namespace {

constexpr int kCannotRun = 127;  // a shell's code for a program that cannot be run

/// Between fork and exec only what is safe in a signal handler may be called.
[[noreturn]] void become(const char* program, char* const* arguments, int log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotRun);  // it died before it could be asked for
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int number : {SIGINT, SIGTERM, SIGXFSZ, SIGPIPE}) {
    ::sigaction(number, &usual, nullptr);
  }
  ::execv(program, arguments);
  ::_exit(kCannotRun);
}

}  // namespace

std::filesystem::path this_program() {
  std::error_code fault;
  auto path = std::filesystem::read_symlink("/proc/self/exe", fault);
  if (fault) throw Error(cat("cannot find the program's own file: ", fault.message()));
  return path;
}

ChildProcess::ChildProcess(const std::filesystem::path& program,
                           const std::vector<std::string>& arguments,
                           const std::filesystem::path& log) {
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (output < 0) fail("cannot write", log);
  if (::access(program.c_str(), X_OK) != 0) {
    const std::string reason = std::strerror(errno);
    ::close(output);
    throw Error(cat("cannot run ", program.string(), ": ", reason));
  }
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) become(program.c_str(), pointers.data(), output, parent);
  const int reason = errno;
  ::close(output);
  if (process_ < 0) {
    throw Error(cat("cannot start ", program.string(), ": ", std::strerror(reason)));
  }
}

ChildProcess::~ChildProcess() {
  if (exit_code()) return;
  stop();
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ChildProcess::exit_code() {
  if (exit_code_) return exit_code_;
  int status = 0;
  if (::waitpid(process_, &status, WNOHANG) != process_) return std::nullopt;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return exit_code_;
}

void ChildProcess::stop() {
  if (exit_code_ || asked_to_stop_) return;
  asked_to_stop_ = true;
  ::kill(process_, SIGTERM);
}

}  // namespace pcnet::core
