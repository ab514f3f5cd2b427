#include "pcnet/core/signals.h"

#include <csignal>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::core {

namespace {

// The only things that a signal handler may touch.
volatile std::sig_atomic_t received = 0;
volatile std::sig_atomic_t came_here = 0;  // and not to another process
volatile std::sig_atomic_t save_asked = 0;

void on_stop(int signal) {
  if (came_here != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  came_here = 1;
  received = signal;
}

void on_save(int) { save_asked = 1; }

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_stop_handler() {
  handle(SIGINT, on_stop);
  handle(SIGTERM, on_stop);
  handle(SIGUSR1, on_save);
  handle(SIGXFSZ, SIG_IGN);
  handle(SIGPIPE, SIG_IGN);
}

int stop_signal() { return received; }

void stop_by(int signal) {
  if (received == 0) received = signal;
}

bool take_save_request() {
  if (save_asked == 0) return false;
  save_asked = 0;
  return true;
}

void throw_if_stopped(const char* what) {
  const int signal = received;
  if (signal == 0) return;
  throw Interrupted(cat("stopped by ", signal == SIGINT ? "Ctrl-C" : "SIGTERM", ": ", what),
                    signal);
}

}  // namespace pcnet::core
