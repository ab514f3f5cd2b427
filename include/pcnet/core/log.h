#pragma once

#include <string_view>

/// Messages for the person, on stderr. Results go to stdout and never through here.
namespace pcnet::core::log {

enum class Level { kQuiet, kError, kWarning, kInfo, kDebug, kTrace };

/// What is written: kInfo unless `-v` (kDebug), `-vv` (kTrace, with stack traces) or `-q` (kError).
void set_level(Level level);
Level level();

void error(std::string_view message);
void warning(std::string_view message);
void info(std::string_view message);
void debug(std::string_view message);

/// True when stderr is a terminal and NO_COLOR is unset.
bool use_colour();

}  // namespace pcnet::core::log
