#include "http_server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <httplib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/serve/server.h"

namespace pcnet::serve {

using core::cat;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostConnections = 256;
constexpr int kBacklog = 1024;
constexpr int kIdleSeconds = 2;  // of a connection that is kept open; also what an end waits for
constexpr int kPieceSeconds = 5;

/// A thread for each connection that is open, up to a number; more wait until one closes.
class ConnectionThreads : public httplib::TaskQueue {
 public:
  // Nothing in older versions of the library, in newer ones whether it was taken.
  using Taken = decltype(std::declval<httplib::TaskQueue&>().enqueue(nullptr));

  Taken enqueue(std::function<void()> work) override {
    std::unique_lock lock(mutex_);
    closed_.wait(lock, [&] { return waiting_.size() + busy_ < kMostConnections; });
    waiting_.push_back(std::move(work));
    if (busy_ + waiting_.size() > threads_.size()) threads_.emplace_back([this] { run(); });
    came_.notify_one();
    return static_cast<Taken>(true);
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    came_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      came_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const auto work = std::move(waiting_.front());
      waiting_.pop_front();
      ++busy_;
      lock.unlock();
      work();
      lock.lock();
      --busy_;
      closed_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::condition_variable closed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t busy_ = 0;
  bool ended_ = false;
};

Call head_of(const httplib::Request& request) {
  return {.method = request.method,
          .path = request.path,
          .host = request.get_header_value("Host"),
          .origin = request.get_header_value("Origin"),
          .authorization = request.get_header_value("Authorization"),
          .content_type = request.get_header_value("Content-Type"),
          .body = {},
          .parts = {}};
}

/// Sends a reply. @param close the connection is of no further use: what else comes on it is not
/// read
void send(Reply reply, httplib::Response& response, bool close = false) {
  response.status = reply.status;
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  const auto has = [&](const char* name) { return response.has_header(name); };
  if (!has("Cache-Control")) response.set_header("Cache-Control", "no-store");
  if (!has("Content-Security-Policy")) {
    response.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("X-Frame-Options", "DENY");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
  if (!close) return response.set_content(reply.body, reply.content_type);
  response.set_header("Connection", "close");
  const auto size = reply.body.size();
  response.set_content_provider(
      size, reply.content_type,
      [body = std::move(reply.body)](std::size_t offset, std::size_t length,
                                     httplib::DataSink& sink) {
        sink.write(body.data() + offset, length);
        return false;  // the library closes a connection whose answer it could not send
      });
}

/// What was read of a body.
struct Reading {
  Call& call;
  const Limits& limits;
  Deadline deadline;
  std::int64_t bytes = 0;
  bool too_large = false;
  bool too_slow = false;

  /// Whether to go on; `keep` takes the piece.
  bool piece(std::size_t length, const std::function<void()>& keep) {
    constexpr std::int64_t kThrownAway = 8;  // times the limit: a client reads when it has sent
    bytes += static_cast<std::int64_t>(length);
    too_large = too_large || bytes > limits.body_bytes;
    too_slow = Clock::now() > deadline;
    if (!too_large) keep();
    return !too_slow && bytes <= kThrownAway * limits.body_bytes;
  }
};

/// Whether the body was read to its end.
bool read_body(const httplib::Request& request, const httplib::ContentReader& reader,
               Reading& reading) {
  constexpr std::size_t kMostParts = 256;
  Call& call = reading.call;
  if (!request.is_multipart_form_data()) {
    return reader([&](const char* data, std::size_t length) {
      return reading.piece(length, [&] { call.body.append(data, length); });
    });
  }
  return reader(
      [&](const auto& part) {
        call.parts.push_back({part.name, {}});
        return call.parts.size() <= kMostParts;
      },
      [&](const char* data, std::size_t length) {
        return reading.piece(length, [&] {
          if (!call.parts.empty()) call.parts.back().content.append(data, length);
        });
      });
}

/// The server of a service.
class HttpServer {
 public:
  HttpServer(Service& service, const std::string& host, int port) : service_(service) {
    server_.new_task_queue = [] { return new ConnectionThreads; };
    server_.set_keep_alive_max_count(1000);
    server_.set_keep_alive_timeout(kIdleSeconds);
    server_.set_read_timeout(kPieceSeconds);
    server_.set_write_timeout(kPieceSeconds);
    server_.set_tcp_nodelay(true);
    server_.set_socket_options([this](socket_t socket) {
      socket_ = socket;
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    add_routes();
    port_ = port == 0 ? server_.bind_to_any_port(host) : port;
    if (port_ < 0 || (port != 0 && !server_.bind_to_port(host, port))) {
      throw core::Error(cat("cannot listen on ", host, " port ", port,
                            ": it is taken, not allowed, or no address of this machine; give "
                            "another --port (0: a free one) or --host"));
    }
    ::listen(socket_, kBacklog);  // the library's own is too short for many clients at once
  }

  ~HttpServer() {
    server_.stop();
    if (listening_.joinable()) listening_.join();
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  void start() {
    listening_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  int port() const { return port_; }

 private:
  void add_routes() {
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      const auto start = Clock::now();
      const Call call = head_of(request);
      auto refused = service_.refusal(call);
      finish(call, refused ? *refused : service_.reply(call, start + seconds()), response, start,
             /*close=*/false);
    });
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& reader) {
      take(request, response, reader);
    };
    server_.Post(".*", with_body);
    server_.Put(".*", with_body);
    server_.Patch(".*", with_body);
    server_.Delete(".*", with_body);
    server_.set_expect_100_continue_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          const auto length = request.get_header_value("Content-Length");
          const auto refused = refusal(head_of(request), length);
          if (!refused) return 100;
          send(*refused, response);
          return refused->status;
        });
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty() || response.content_provider_) return;
      send(
          error_reply(response.status, response.status == 404 ? "nothing is here; see /openapi.json"
                                                              : "the request cannot be read"),
          response);
    });
  }

  std::chrono::milliseconds seconds() const {
    return std::chrono::milliseconds(static_cast<std::int64_t>(1000 * service_.limits().seconds));
  }

  /// What can be said before the body comes.
  std::optional<Reply> refusal(const Call& head, const std::string& length) const {
    if (auto refused = service_.refusal(head)) return refused;
    const auto most = service_.limits().body_bytes;
    if (length.size() > 18 || (!length.empty() && std::atoll(length.c_str()) > most)) {
      return error_reply(413, cat("the body has ", length, " bytes, wanted at most ", most));
    }
    return std::nullopt;
  }

  /// A request with a body: read to its end also where it is refused, so that the client, which
  /// reads when it has sent all, gets the answer.
  void take(const httplib::Request& request, httplib::Response& response,
            const httplib::ContentReader& reader) {
    const auto start = Clock::now();
    Call call = head_of(request);
    Limits limits = service_.limits();
    const auto refused = refusal(call, {});
    const auto place = refused ? std::nullopt : service_.take_place();
    Reading reading{call, limits, start + seconds()};
    reading.too_large = !place;  // nothing is kept
    const bool whole = read_body(request, reader, reading);
    const bool too_large = reading.bytes > limits.body_bytes;
    Reply reply;
    if (refused) {
      reply = *refused;
    } else if (!place) {
      reply = error_reply(
          429, cat("this server answers ", limits.queue, " requests at once: try again"));
    } else if (too_large) {
      reply = error_reply(413, cat("the body has more than ", limits.body_bytes, " bytes"));
    } else if (reading.too_slow) {
      reply = error_reply(408, "the body did not come in time");
    } else if (!whole) {
      reply = error_reply(400, "the body is cut short or cannot be read");
    } else {
      reply = service_.reply(call, reading.deadline);
    }
    finish(call, std::move(reply), response, start, /*close=*/!whole);
  }

  void finish(const Call& call, Reply reply, httplib::Response& response, Clock::time_point start,
              bool close) {
    const std::chrono::duration<double> spent = Clock::now() - start;
    service_.count(call, reply.status, spent.count());
    send(std::move(reply), response, close);
  }

  Service& service_;
  httplib::Server server_;
  socket_t socket_ = INVALID_SOCKET;
  int port_ = -1;
  std::thread listening_;
};

}  // namespace

bool can_serve() { return true; }

void run_http_server(Service& service, const std::string& host, int port,
                     const std::function<void(int port)>& ready,
                     const std::function<bool()>& stopped) {
  HttpServer server(service, host, port);
  server.start();
  ready(server.port());
  while (!stopped()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  service.drain();
}

}  // namespace pcnet::serve
