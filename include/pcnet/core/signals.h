#pragma once

namespace pcnet::core {

/// From now on Ctrl-C and SIGTERM only set a flag, so that the work can save and leave; a second
/// one ends the process at once. SIGUSR1 asks to save and go on. SIGXFSZ and SIGPIPE become
/// ordinary write errors.
void install_stop_handler();

/// The signal that asked to stop (SIGINT or SIGTERM), 0 when none did.
int stop_signal();

/// As if this signal had come, which another process got.
void stop_by(int signal);

/// Whether SIGUSR1 (a scheduler's early warning) came since this was asked last.
bool take_save_request();

/// Throws Interrupted when a signal asked to stop; `what` says what was left behind.
void throw_if_stopped(const char* what);

}  // namespace pcnet::core
