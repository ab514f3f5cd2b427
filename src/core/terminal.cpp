#include "terminal.h"

#include <cerrno>
#include <iostream>
#include <mutex>

#include <sys/ioctl.h>
#include <unistd.h>

#include "pcnet/core/result_line.h"

namespace pcnet::core::terminal {

namespace {

constexpr std::string_view kClearLine = "\r\x1b[2K";

struct State {
  std::mutex mutex;
  std::string bar;
};

State& state() {
  static State instance;
  return instance;
}

// A message that cannot be written has nowhere else to go, so faults end the loop and no more.
void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

bool is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

int width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void write_line(std::string_view text) {
  State& shared = state();
  const std::lock_guard lock(shared.mutex);
  std::string out;
  if (!shared.bar.empty()) out += kClearLine;
  out += text;
  out += '\n';
  out += shared.bar;
  write_stderr(out);
}

void show_bar(std::string_view bar) {
  State& shared = state();
  const std::lock_guard lock(shared.mutex);
  if (bar.empty() && shared.bar.empty()) return;
  shared.bar = bar;
  std::string out(kClearLine);
  out += bar;
  write_stderr(out);
}

}  // namespace pcnet::core::terminal

namespace pcnet::core {

void write_result(std::string_view text) {
  terminal::State& shared = terminal::state();
  const std::lock_guard lock(shared.mutex);
  if (!shared.bar.empty()) terminal::write_stderr(terminal::kClearLine);
  std::cout << text << std::flush;
  if (!shared.bar.empty()) terminal::write_stderr(shared.bar);
}

}  // namespace pcnet::core
