#include "http_server.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"

namespace pcnet::serve {

using core::cat;

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using asio::ip::tcp;
using ErrorCode = beast::error_code;

constexpr std::size_t kMostConnections = 1024;
constexpr std::uint32_t kMostHeadBytes = 16U << 10;
constexpr std::chrono::seconds kHeadTime{10};  // from the first byte that may come to the last
constexpr std::chrono::seconds kThrowTime{5};  // in which what is not read is thrown away
constexpr std::size_t kMostWorkers = 128;

class Connections;

/// One client. All of it runs on the server's thread but the work on an answer.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Connections& all) : stream_(std::move(socket)), all_(all) {}

  void start() { read_head(); }
  /// No further request is read; one that has come is answered.
  void end() {
    ending_ = true;
    if (is_idle_) close();
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  void read_head();
  void on_head(ErrorCode fault);
  void read_body();
  void on_body(ErrorCode fault);
  void work();
  void answer(Reply reply, bool go_on);
  void on_written(ErrorCode fault, bool go_on);
  void throw_away();
  void close();

  std::optional<Reply> refusal_of_head() const;
  bool has_body() const { return parser_->chunked() || parser_->content_length().value_or(0) > 0; }
  std::chrono::steady_clock::duration most_time() const;

  beast::tcp_stream stream_;
  Connections& all_;
  asio::steady_timer timer_{stream_.get_executor()};
  beast::flat_buffer buffer_{2 * kMostHeadBytes};
  std::optional<Parser> parser_;
  std::optional<http::response<http::string_body>> response_;
  Call call_;
  Service::Place place_;
  Clock::time_point start_;
  bool is_late_ = false;  // the body
  bool is_idle_ = true;
  bool ending_ = false;
};

/// The clients of a service, and the threads that work for them.
class Connections {
 public:
  Connections(Service& service, const std::string& host, int port)
      : acceptor_(io_),
        workers_(std::min(kMostWorkers, static_cast<std::size_t>(service.limits().queue))),
        service_(service) {
    try {
      const tcp::endpoint place(address_of(host), static_cast<unsigned short>(port));
      acceptor_.open(place.protocol());
      acceptor_.set_option(asio::socket_base::reuse_address(true));
      acceptor_.bind(place);
      acceptor_.listen(static_cast<int>(kMostConnections));
    } catch (const boost::system::system_error& fault) {
      throw core::Error(cat("cannot listen on ", host, " port ", port, ": ", fault.code().message(),
                            "; give another --port (0: a free one) or --host"));
    }
    accept();
  }

  int port() const { return acceptor_.local_endpoint().port(); }
  Service& service() const { return service_; }

  /// Until `stopped` says so and the last client has its answer.
  void run(const std::function<bool()>& stopped) {
    watch(stopped);
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::exception& fault) {  // of one client: memory that ran out, say
        core::log::warning(cat("a connection failed: ", fault.what()));
      }
    }
    workers_.join();
  }

  void add(const std::shared_ptr<Connection>& connection) { open_.insert(connection); }
  void remove(const std::shared_ptr<Connection>& connection) { open_.erase(connection); }

  template <class Work>
  void let_work(Work work) {
    asio::post(workers_, std::move(work));
  }

 private:
  asio::ip::address address_of(const std::string& host) {
    if (host == "localhost") return asio::ip::make_address("127.0.0.1");
    return asio::ip::make_address(host);
  }

  void accept() {
    acceptor_.async_accept([this](ErrorCode fault, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      // Above the number a client is turned away at once, so that others are heard again soon.
      if (!fault && open_.size() < kMostConnections) {
        ErrorCode ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        const auto connection = std::make_shared<Connection>(std::move(socket), *this);
        add(connection);
        connection->start();
      }
      accept();
    });
  }

  /// Looks now and then whether this is the end.
  void watch(const std::function<bool()>& stopped) {
    constexpr std::chrono::milliseconds kNow(50);
    timer_.expires_after(kNow);
    timer_.async_wait([this, &stopped](ErrorCode) {
      if (!stopped()) return watch(stopped);
      service_.drain();
      ErrorCode ignored;
      acceptor_.close(ignored);
      const auto open = open_;
      for (const auto& connection : open) connection->end();
    });
  }

  asio::io_context io_{1};
  asio::steady_timer timer_{io_};
  tcp::acceptor acceptor_;
  std::set<std::shared_ptr<Connection>> open_;
  asio::thread_pool workers_;
  Service& service_;
};

std::chrono::steady_clock::duration Connection::most_time() const {
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(1000 * all_.service().limits().seconds));
}

void Connection::read_head() {
  is_idle_ = true;
  parser_.emplace();
  parser_->header_limit(kMostHeadBytes);
  parser_->body_limit(static_cast<std::uint64_t>(all_.service().limits().body_bytes));
  place_.reset();
  stream_.expires_after(kHeadTime);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode fault, std::size_t) { self->on_head(fault); });
}

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

Call call_of(const http::request<http::string_body>& request) {
  const auto field = [&](http::field name) { return text_of(request[name]); };
  Call call{.method = text_of(request.method_string()),
            .path = text_of(request.target()),
            .host = field(http::field::host),
            .origin = field(http::field::origin),
            .authorization = field(http::field::authorization),
            .content_type = field(http::field::content_type),
            .body = {}};
  call.path.resize(std::min(call.path.find('?'), call.path.size()));
  return call;
}

/// What is wrong with a head that cannot be read; nothing for a client that is gone.
std::optional<Reply> reply_to(ErrorCode fault) {
  if (fault == http::error::header_limit || fault == http::error::buffer_overflow) {
    return error_reply(431, "the head of the request is too large");
  }
  if (fault == http::error::body_limit) return error_reply(413, "the body is too large");
  if (fault == beast::error::timeout) return error_reply(408, "the request did not come in time");
  if (fault == http::error::end_of_stream || fault == http::error::partial_message ||
      fault.category() != make_error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  return error_reply(400, cat("the request cannot be read: ", fault.message()));
}

void Connection::on_head(ErrorCode fault) {
  if (ending_ && fault) return close();
  is_idle_ = false;
  start_ = Clock::now();
  call_ = {};
  if (fault) {
    const bool silent =
        fault == beast::error::timeout && buffer_.size() == 0;  // kept, but not used
    const auto reply = silent ? std::nullopt : reply_to(fault);
    return reply ? answer(*reply, /*go_on=*/false) : close();
  }
  call_ = call_of(parser_->get());
  if (const auto refused = refusal_of_head()) return answer(*refused, /*go_on=*/!has_body());
  if (call_.method != "POST") {
    return answer(all_.service().reply(call_, start_ + most_time()), /*go_on=*/!has_body());
  }
  place_ = all_.service().take_place();
  if (place_ == nullptr) {
    return answer(error_reply(429, cat("this server answers ", all_.service().limits().queue,
                                       " requests at once; try again")),
                  /*go_on=*/false);
  }
  if (parser_->get()[http::field::expect] != "100-continue") return read_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      return error ? self->close() : self->read_body();
                    });
}

/// What can be said before the body is read.
std::optional<Reply> Connection::refusal_of_head() const {
  if (auto refused = all_.service().refusal(call_)) return refused;
  if (call_.method != "POST") return std::nullopt;
  if (!parser_->chunked() && !parser_->content_length()) {
    return error_reply(411, "wanted a Content-Length");
  }
  const auto length = parser_->content_length().value_or(0);
  const auto most = static_cast<std::uint64_t>(all_.service().limits().body_bytes);
  if (length <= most) return std::nullopt;
  return error_reply(413, cat("the body has ", length, " bytes, wanted at most ", most));
}

/// A body that comes too late gets an answer, where the stream's own time would end in silence.
void Connection::read_body() {
  stream_.expires_never();
  timer_.expires_at(start_ + most_time());
  timer_.async_wait([self = shared_from_this()](ErrorCode fault) {
    if (fault) return;
    self->is_late_ = true;
    self->stream_.cancel();
  });
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](ErrorCode fault, std::size_t) {
                     self->timer_.cancel();
                     self->on_body(fault);
                   });
}

void Connection::on_body(ErrorCode fault) {
  if (!fault) return work();
  const auto reply = is_late_ ? reply_to(beast::error::timeout) : reply_to(fault);
  return reply ? answer(*reply, /*go_on=*/false) : close();
}

void Connection::work() {
  call_.body = std::move(parser_->get().body());
  // The server does not end while another thread works.
  all_.let_work([self = shared_from_this(), busy = asio::make_work_guard(stream_.get_executor())] {
    Reply reply = self->all_.service().reply(self->call_, self->start_ + self->most_time());
    asio::post(busy.get_executor(), [self, reply = std::move(reply)]() mutable {
      self->call_.body = {};
      self->answer(std::move(reply), /*go_on=*/true);
    });
  });
}

/// @param go_on whether the next request can be read: this one was read to its end
void Connection::answer(Reply reply, bool go_on) {
  const std::chrono::duration<double> spent = Clock::now() - start_;
  all_.service().count(call_, reply.status, spent.count());
  go_on = go_on && !ending_ && parser_->get().keep_alive();
  auto& response = response_.emplace();
  response.version(parser_->get().version());
  response.result(static_cast<unsigned>(reply.status));
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  response.set("X-Content-Type-Options", "nosniff");
  response.set(http::field::x_frame_options, "DENY");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.keep_alive(go_on);
  response.content_length(reply.body.size());
  if (call_.method != "HEAD") response.body() = std::move(reply.body);
  stream_.expires_after(most_time());
  const auto then = [self = shared_from_this(), go_on](ErrorCode fault, std::size_t) {
    self->on_written(fault, go_on);
  };
  http::async_write(stream_, response, then);
}

void Connection::on_written(ErrorCode fault, bool go_on) {
  response_.reset();
  place_.reset();
  if (fault) return close();
  if (go_on && !ending_) return read_head();
  stream_.socket().shutdown(tcp::socket::shutdown_send, fault);
  stream_.expires_after(kThrowTime);
  buffer_.clear();
  throw_away();
}

/// A client that still sends reads the answer when it has sent all: were its bytes not taken, it
/// would see a broken connection in the place of an answer.
void Connection::throw_away() {
  is_idle_ = true;
  if (ending_) return close();
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kMostHeadBytes),
                          [self = shared_from_this()](ErrorCode fault, std::size_t) {
                            return fault ? self->close() : self->throw_away();
                          });
}

void Connection::close() {
  ErrorCode ignored;
  stream_.socket().close(ignored);
  all_.remove(shared_from_this());
}

}  // namespace

void require_server() {}

void run_http_server(Service& service, const std::string& host, int port,
                     const std::function<void(int port)>& ready,
                     const std::function<bool()>& stopped) {
  Connections connections(service, host, port);
  ready(connections.port());
  connections.run(stopped);
}

}  // namespace pcnet::serve
