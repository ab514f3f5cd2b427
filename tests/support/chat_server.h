#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pcnet::support {

/// A language model's server for tests, on 127.0.0.1: each connection carries one request, whose
/// response is whatever bytes the script says.
class ChatServer {
 public:
  struct Request {
    std::string head;  ///< its first line and headers
    std::string body;
    std::chrono::steady_clock::time_point at;
  };
  /// The raw bytes to answer the request number `n`, counted from 0; runs in a thread of its own.
  using Script = std::function<std::string(const Request& request, std::size_t n)>;

  explicit ChatServer(Script script);
  ~ChatServer();
  ChatServer(const ChatServer&) = delete;
  ChatServer& operator=(const ChatServer&) = delete;

  std::string url() const;
  std::vector<Request> requests() const;
  /// The largest number of requests that were open together.
  std::size_t most_at_once() const;
  /// Stops listening; the port answers nobody from then on.
  void close();

 private:
  void accept_all();
  void serve(int connection);

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::size_t open_ = 0;
  std::size_t most_ = 0;
  std::vector<std::thread> threads_;  // of connections
  std::thread acceptor_;
};

/// An HTTP response with its length.
std::string http_response(int status, const std::string& body,
                          const std::string& headers = "Content-Type: application/json\r\n");

/// A chat completion that says `text`.
std::string completion(const std::string& text);

/// The text of a request's last message.
std::string last_message(const ChatServer::Request& request);

}  // namespace pcnet::support
