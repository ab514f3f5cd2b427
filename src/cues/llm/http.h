#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pcnet::cues {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string body;                  ///< posted; empty: a GET
};

/// Why there is no whole response.
enum class HttpFault {
  kNone,
  kUnreachable,  ///< no such host, nothing listens, no route
  kTls,          ///< the certificate or the handshake
  kTimeout,
  kBroken,    ///< cut off, or no HTTP
  kTooLarge,  ///< more than `largest_body`
};

struct HttpResponse {
  std::uint64_t id = 0;
  HttpFault fault = HttpFault::kNone;
  std::string what;  ///< of a fault: in words
  int status = 0;
  std::string content_type;
  std::string retry_after;  ///< the header's value; empty: none came
  std::string redirect;     ///< where a 3xx leads
  std::string body;
  double seconds = 0;
};

/// Many HTTP and HTTPS requests at once on one thread, by libcurl: connections are kept and used
/// again, certificates are checked, proxies are taken from the environment, redirects are not
/// followed.
class HttpClient {
 public:
  struct Options {
    double connect_seconds = 10;
    double seconds = 120;  ///< of a whole request
    std::size_t largest_body = std::size_t{1} << 20U;
    std::string ca_file;  ///< PEM certificates to trust instead of the system's
  };

  explicit HttpClient(const Options& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void start(std::uint64_t id, const HttpRequest& request);
  std::size_t under_way() const;
  /// Goes on with all requests until one is done, or for so many seconds; those that are done.
  std::vector<HttpResponse> wait(double seconds);

 private:
  class Transfer;
  struct Curl;
  Options options_;
  std::unique_ptr<Curl> curl_;
};

}  // namespace pcnet::cues
