#pragma once

#include <string>
#include <string_view>

/// The one writer of stderr: log lines and the progress bar share it, so that neither tears the
/// other. Every function may be called from any thread.
namespace pcnet::core::terminal {

/// True when stderr is a terminal.
bool is_terminal();

/// Columns of the terminal; 80 when they cannot be known.
int width();

/// Writes `text` and a newline; a bar that is shown moves below it.
void write_line(std::string_view text);

/// Shows `bar` as the last line of the terminal in place of the one before; empty removes it.
void show_bar(std::string_view bar);

}  // namespace pcnet::core::terminal
