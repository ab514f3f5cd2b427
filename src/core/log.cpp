#include "pcnet/core/log.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "terminal.h"

namespace pcnet::core::log {

namespace {

std::atomic<Level>& current() {
  static std::atomic<Level> level = Level::kInfo;
  return level;
}

void write(Level level, std::string_view prefix, std::string_view colour,
           std::string_view message) {
  if (current().load() < level) return;
  std::string line;
  if (!prefix.empty() && use_colour()) {
    line.append(colour).append(prefix).append("\x1b[0m");
  } else {
    line += prefix;
  }
  line += message;
  terminal::write_line(line);
}

}  // namespace

void set_level(Level level) { current() = level; }
Level level() { return current(); }

void error(std::string_view message) { write(Level::kError, "error: ", "\x1b[1;31m", message); }

void warning(std::string_view message) {
  write(Level::kWarning, "warning: ", "\x1b[1;33m", message);
}

void info(std::string_view message) { write(Level::kInfo, "", "", message); }

void debug(std::string_view message) { write(Level::kDebug, "debug: ", "\x1b[2m", message); }

bool use_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const bool unwanted = no_colour != nullptr && *no_colour != '\0';
  return !unwanted && terminal::is_terminal();
}

}  // namespace pcnet::core::log
