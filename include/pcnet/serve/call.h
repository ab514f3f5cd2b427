#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pcnet/core/error.h"

namespace pcnet::serve {

/// A field of a form (multipart/form-data).
struct Part {
  std::string name;
  std::string content;
};

/// What a client sent.
struct Call {
  std::string method;
  std::string path;
  std::string host;           ///< header Host
  std::string origin;         ///< header Origin; empty: none
  std::string authorization;  ///< header Authorization
  std::string content_type;
  std::string body;
};

/// What it gets.
struct Reply {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// A request that is answered by an error: the status of HTTP and one line for a person.
class HttpError : public core::Error {
 public:
  HttpError(int status, const std::string& message) : Error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// Of one whose deadline has passed while it waited.
HttpError late();

/// {"error": {"status", "message"}}; one of 429 and 503 says when to come again.
Reply error_reply(int status, const std::string& message);

}  // namespace pcnet::serve
