#include "http.h"

#include <array>
#include <cmath>
#include <unordered_map>
#include <utility>

#include <curl/curl.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/version.h"

namespace pcnet::cues {

using core::cat;
using core::Error;

namespace {

void check(CURLMcode code) {
  if (code != CURLM_OK) throw Error(cat("libcurl: ", curl_multi_strerror(code)));
}

void check(CURLcode code) {
  if (code != CURLE_OK) throw Error(cat("libcurl: ", curl_easy_strerror(code)));
}

void initialise_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(code);
}

long milliseconds(double seconds) { return std::lround(std::ceil(seconds * 1000)); }

HttpFault fault_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpFault::kNone;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return HttpFault::kUnreachable;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return HttpFault::kTls;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFault::kTimeout;
    default:
      return HttpFault::kBroken;
  }
}

}  // namespace

/// One request from its start to its end.
class HttpClient::Transfer {
 public:
  Transfer(std::uint64_t id, const HttpRequest& request, const Options& options)
      : largest_(options.largest_body), body_(request.body), handle_(curl_easy_init()) {
    if (!handle_) throw Error("libcurl: no memory for a request");
    response_.id = id;
    for (const auto& header : request.headers) {
      headers_.reset(curl_slist_append(headers_.release(), header.c_str()));
    }
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_USERAGENT, cat("pcnet/", core::version()).c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl can unpack
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_seconds));
    set(CURLOPT_TIMEOUT_MS, milliseconds(options.seconds));
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_WRITEFUNCTION, &Transfer::receive);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PRIVATE, this);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (body_.empty()) return;
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    set(CURLOPT_POSTFIELDS, body_.c_str());
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_.get(); }

  HttpResponse finish(CURLcode code) {
    response_.seconds = watch_.take();
    response_.fault = too_large_ ? HttpFault::kTooLarge : fault_of(code);
    if (too_large_) {
      response_.what = cat("the response is larger than ", core::human_bytes(largest_));
    } else if (code != CURLE_OK) {
      response_.what = error_.front() != '\0' ? error_.data() : curl_easy_strerror(code);
    }
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    const char* redirect = nullptr;
    curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &redirect);
    if (redirect != nullptr) response_.redirect = redirect;
    response_.content_type = header("content-type");
    response_.retry_after = header("retry-after");
    return std::move(response_);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    check(curl_easy_setopt(handle_.get(), option, value));
  }

  std::string header(const char* name) const {
    curl_header* found = nullptr;
    if (curl_easy_header(handle_.get(), name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
    return found->value;
  }

  static std::size_t receive(char* bytes, std::size_t one, std::size_t count, void* transfer) {
    auto& self = *static_cast<Transfer*>(transfer);
    self.too_large_ = self.response_.body.size() + count > self.largest_;
    if (self.too_large_) return 0;  // libcurl gives up
    self.response_.body.append(bytes, one * count);
    return one * count;
  }

  struct Free {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  std::size_t largest_;
  std::string body_;
  std::unique_ptr<curl_slist, Free> headers_;
  std::unique_ptr<CURL, Free> handle_;  // goes before what it points at
  std::array<char, CURL_ERROR_SIZE> error_{};
  bool too_large_ = false;
  HttpResponse response_;
  core::Lap watch_;
};

struct HttpClient::Curl {
  CURLM* multi = nullptr;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers;

  Curl() : multi((initialise_once(), curl_multi_init())) {
    if (multi == nullptr) throw Error("libcurl: no memory for connections");
  }
  ~Curl() {
    for (const auto& [handle, transfer] : transfers) curl_multi_remove_handle(multi, handle);
    transfers.clear();
    curl_multi_cleanup(multi);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  std::vector<HttpResponse> take_finished() {
    std::vector<HttpResponse> finished;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const handle = message->easy_handle;
      finished.push_back(transfers.at(handle)->finish(message->data.result));
      curl_multi_remove_handle(multi, handle);
      transfers.erase(handle);
    }
    return finished;
  }
};

HttpClient::HttpClient(const Options& options)
    : options_(options), curl_(std::make_unique<Curl>()) {}

HttpClient::~HttpClient() = default;

void HttpClient::start(std::uint64_t id, const HttpRequest& request) {
  auto transfer = std::make_unique<Transfer>(id, request, options_);
  CURL* const handle = transfer->handle();
  check(curl_multi_add_handle(curl_->multi, handle));
  curl_->transfers.emplace(handle, std::move(transfer));
}

std::size_t HttpClient::under_way() const { return curl_->transfers.size(); }

std::vector<HttpResponse> HttpClient::wait(double seconds) {
  core::Lap watch;
  double left = seconds;
  while (true) {
    int running = 0;
    check(curl_multi_perform(curl_->multi, &running));
    auto finished = curl_->take_finished();
    if (!finished.empty() || left <= 0) return finished;
    check(curl_multi_poll(curl_->multi, nullptr, 0, static_cast<int>(milliseconds(left)), nullptr));
    left -= watch.take();
  }
}

}  // namespace pcnet::cues
