#pragma once

#include <stdexcept>
#include <string>

namespace pcnet::core {

/// The work failed: bad data, a full disk, a non-finite loss. The program exits with 1.
/// A message is one line: what, where (file, key, ref id), got, wanted, and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  virtual int exit_code() const { return 1; }
};

/// Wrong usage of a command or an option. The program exits with 2.
class UsageError : public Error {
 public:
  using Error::Error;
  int exit_code() const override { return 2; }
};

/// A faulty configuration; the message holds every fault, one a line. The program exits with 2.
class ConfigError : public UsageError {
 public:
  using UsageError::UsageError;
};

/// Stopped by a signal after the state was saved. The program exits with 128 + signal.
class Interrupted : public Error {
 public:
  Interrupted(const std::string& message, int signal) : Error(message), signal_(signal) {}
  int exit_code() const override { return 128 + signal_; }

 private:
  int signal_;
};

}  // namespace pcnet::core
