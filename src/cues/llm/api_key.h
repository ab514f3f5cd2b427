#pragma once

#include <string>

namespace pcnet::cues {

/// The key of an endpoint. It stands in nothing but requests.
class ApiKey {
 public:
  /// Reads it from an environment variable, without white space around it; `variable` empty:
  /// PCNET_API_KEY, which need not be set. UsageError for a named variable that is not set, and for
  /// a key that cannot stand in a header.
  explicit ApiKey(const std::string& variable);

  bool is_set() const { return !key_.empty(); }
  const std::string& variable() const { return variable_; }
  /// The line of a request's header.
  std::string header() const { return "Authorization: Bearer " + key_; }
  /// A text of the server without the key, which it may repeat in any message or answer. A key of
  /// less than 8 characters is no secret: it stays.
  std::string hidden(std::string text) const;

 private:
  std::string variable_;
  std::string key_;
};

}  // namespace pcnet::cues
