#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pcnet::core {

/// The work failed: bad data, a full disk, a non-finite loss. The program exits with 1.
/// A message is one line: what, where (file, key, ref id), got, wanted, and what to do. Control
/// characters that come from a foreign file are written as `\n` or `\x1b`, so that it stays one.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(printable(message, "")) {}
  virtual int exit_code() const { return 1; }

 protected:
  /// @param kept control characters that stay as they are
  Error(const std::string& message, std::string_view kept)
      : std::runtime_error(printable(message, kept)) {}

 private:
  static std::string printable(const std::string& message, std::string_view kept);
};

/// Wrong usage of a command or an option. The program exits with 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message) {}
  int exit_code() const override { return 2; }

 protected:
  using Error::Error;
};

/// A faulty configuration; the message holds every fault, one a line. The program exits with 2.
class ConfigError : public UsageError {
 public:
  explicit ConfigError(const std::string& message) : UsageError(message, "\n") {}
};

/// Stopped by a signal after the state was saved. The program exits with 128 + signal.
class Interrupted : public Error {
 public:
  Interrupted(const std::string& message, int signal) : Error(message), signal_(signal) {}
  int exit_code() const override { return 128 + signal_; }

 private:
  int signal_;
};

/// Another of the processes that work together failed or died; the message says which and why. The
/// program exits with that one's code.
class PeerFailure : public Error {
 public:
  /// @param takes_over whether process 0 died and this one is to write in its place
  PeerFailure(const std::string& message, int exit_code, bool takes_over = false)
      : Error(message, "\n"), code_(exit_code), takes_over_(takes_over) {}
  int exit_code() const override { return code_; }
  bool takes_over() const { return takes_over_; }

 private:
  int code_;
  bool takes_over_;
};

}  // namespace pcnet::core
