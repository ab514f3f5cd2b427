#include "support/chat_server.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pcnet/core/json.h"

namespace pcnet::support {

namespace {

/// The bytes up to the end of the head, and the body as long as the head says.
bool read_request(int connection, ChatServer::Request& request) {
  std::string bytes;
  std::size_t end = std::string::npos;
  char buffer[4096];
  const auto more = [&] {
    const ssize_t got = ::recv(connection, buffer, sizeof(buffer), 0);
    if (got > 0) bytes.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  };
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  request.head = bytes.substr(0, end);
  const std::size_t field = request.head.find("Content-Length: ");
  const std::size_t length =
      field == std::string::npos ? 0 : std::strtoul(request.head.c_str() + field + 16, nullptr, 10);
  while (bytes.size() < end + 4 + length) {
    if (!more()) return false;
  }
  request.body = bytes.substr(end + 4);
  return true;
}

}  // namespace

ChatServer::ChatServer(Script script) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("no test server");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ChatServer::~ChatServer() {
  close();
  for (auto& thread : threads_) thread.join();
}

void ChatServer::close() {
  if (!acceptor_.joinable()) return;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
}

std::string ChatServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<ChatServer::Request> ChatServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t ChatServer::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_;
}

void ChatServer::accept_all() {
  for (int connection = 0; (connection = ::accept(listener_, nullptr, nullptr)) >= 0;) {
    threads_.emplace_back([this, connection] { serve(connection); });
  }
}

void ChatServer::serve(int connection) {
  Request request;
  if (read_request(connection, request)) {
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      request.at = std::chrono::steady_clock::now();
      number = requests_.size();
      requests_.push_back(request);
      most_ = std::max(most_, ++open_);
    }
    const std::string bytes = script_(request, number);
    {
      const std::lock_guard lock(mutex_);
      --open_;
    }
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count =
          ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
  }
  ::close(connection);
}

std::string http_response(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) + " Said\r\nConnection: close\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string completion(const std::string& text) {
  const nlohmann::json document = {
      {"choices", {{{"message", {{"role", "assistant"}, {"content", text}}}}}},
      {"usage", {{"prompt_tokens", 10}, {"completion_tokens", 3}}}};
  return http_response(200, pcnet::core::json_text(document));
}

std::string last_message(const ChatServer::Request& request) {
  return pcnet::core::parse_json<nlohmann::json>(request.body).at("messages").back().at("content");
}

}  // namespace pcnet::support
