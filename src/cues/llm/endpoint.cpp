#include "pcnet/cues/llm/endpoint.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <deque>
#include <exception>
#include <map>
#include <unordered_map>
#include <utility>

#include <curl/curl.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/random.h"
#include "pcnet/core/signals.h"

#include "api_key.h"
#include "chat.h"
#include "endpoint_faults.h"

namespace pcnet::cues {

using core::cat;
using core::Error;
using core::UsageError;

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kFewestInVain = 3;    // questions in a row before the endpoint counts as down
constexpr std::size_t kFewestRefused = 25;  // the same where the server is up: it answers them all
constexpr double kLongestBackOff = 60;      // seconds
constexpr double kFirstPause = 0.5;    // seconds before the first retry; each next is twice as long
constexpr double kLongestWish = 600;   // seconds: a server that asks for a longer pause ends it
constexpr double kLongestGap = 86400;  // seconds between two requests
constexpr double kLongestWait = 1e8;   // seconds that a server's wish is told as
constexpr double kLook = 0.2;          // seconds between looks at signals
constexpr double kLastSeconds = 5;     // for the replies under way when all asking ends

Clock::duration ticks(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}

/// The seconds that a Retry-After header names, as a number or a date; negative: none.
double retry_after(const std::string& header) {
  if (header.empty()) return -1;
  double seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error == std::errc() && end == header.data() + header.size()) {
    return std::isfinite(seconds) ? std::clamp(seconds, 0.0, kLongestWait) : -1;
  }
  const std::time_t date = curl_getdate(header.c_str(), nullptr);
  if (date == -1) return -1;
  return std::max(std::difftime(date, std::time(nullptr)), 0.0);
}

bool is_success(const HttpResponse& response) {
  return response.fault == HttpFault::kNone && response.status >= 200 && response.status < 300;
}

bool may_pass(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

}  // namespace

class ChatEndpoint::Conversations {
 public:
  explicit Conversations(const EndpointOptions& options)
      : options_(options),
        address_(chat_address(options.url)),
        key_(options.key_variable),
        http_({options.connect_seconds, options.seconds, std::size_t{1} << 20U, options.ca_file}),
        rng_(static_cast<std::uint64_t>(options.seed)) {
    if (key_.is_set() && !address_.encrypted && !address_.local) {
      core::log::warning(cat("the key of ", key_.variable(), " goes to ", address_.host,
                             " unencrypted: use https"));
    }
    if (options_.model.empty()) options_.model = only_model();
    settings_ = {{"model", options_.model},
                 {"temperature", options_.temperature},
                 {"seed", options_.seed},
                 {"max_tokens", options_.max_tokens}};
    for (const auto& [name, value] : options_.request.items()) {
      value.is_null() ? (void)settings_.erase(name) : (void)(settings_[name] = value);
    }
  }

  void ask(std::uint64_t id, const std::vector<Message>& messages) {
    nlohmann::ordered_json body = settings_;
    auto& list = body["messages"] = nlohmann::ordered_json::array();
    for (const Message& message : messages) {
      list.push_back({{"role", message.role}, {"content", message.text}});
    }
    ready_.push_back({id, core::json_text(body)});
  }

  void note_earlier_answers() { answered_before_ = true; }

  /// What ended all asking counts until it is thrown: its question has no reply.
  std::size_t open() const {
    return ready_.size() + later_.size() + under_way_.size() + (end_ ? 1U : 0U);
  }

  /// What ends all asking is thrown once the replies beside it are given out.
  std::vector<Reply> wait(double seconds) {
    if (end_) std::rethrow_exception(end_);
    start_due();
    std::vector<Reply> replies;
    for (const auto& response : http_.wait(std::min(seconds, until_next_start()))) {
      if (end_ && !is_success(response)) continue;
      try {
        handle(response, replies);
      } catch (const Error& error) {
        end_ = std::make_exception_ptr(Error(error));
      }
    }
    if (!end_) {
      start_due();
      return replies;
    }
    for (auto& reply : last_replies(kLastSeconds)) replies.push_back(std::move(reply));
    if (replies.empty()) std::rethrow_exception(end_);
    return replies;
  }

  std::vector<Reply> last_replies(double seconds) {
    std::vector<Reply> replies;
    core::Lap watch;
    for (double left = seconds; left > 0 && http_.under_way() > 0; left -= watch.take()) {
      for (const auto& response : http_.wait(left)) {
        if (!is_success(response)) continue;
        try {
          replies.push_back(answer(response.id, response));
        } catch (const Error&) {
          continue;  // no completion: it is asked again the next time
        }
      }
    }
    return replies;
  }

  std::string waits_for() const {
    const auto now = Clock::now();
    const bool idle = under_way_.empty() && ready_.empty() && !later_.empty();
    const auto until = idle ? std::max(paused_until_, later_.begin()->first) : paused_until_;
    if (until <= now) return {};
    return cat(last_fault_, ", going on in ", core::human_seconds(Seconds(until - now).count()));
  }

  const EndpointOptions& options() const { return options_; }
  const Traffic& traffic() const { return traffic_; }
  const nlohmann::ordered_json& settings() const { return settings_; }

 private:
  struct Question {
    std::uint64_t id = 0;
    std::string body;
    std::size_t failures = 0;
  };

  std::vector<std::string> headers() const {
    std::vector<std::string> lines = {"Content-Type: application/json", "Accept: application/json"};
    if (key_.is_set()) lines.push_back(key_.header());
    return lines;
  }

  /// What the server lists; nothing when a signal asked to stop.
  HttpResponse get_models() const {
    HttpClient http({options_.connect_seconds, options_.connect_seconds, std::size_t{1} << 20U,
                     options_.ca_file});
    http.start(0, {address_.models, headers(), {}});
    while (true) {
      if (core::stop_signal() != 0) return {};
      auto responses = http.wait(kLook);
      if (!responses.empty()) return std::move(responses.front());
    }
  }

  std::string only_model() const {
    const HttpResponse response = get_models();
    core::throw_if_stopped("nothing was asked yet");
    if (response.fault != HttpFault::kNone) {
      throw no_connection(asked(), response);
    }
    const bool elsewhere = response.status >= 300 && response.status < 400;
    if (response.status == 401 || response.status == 403 || elsewhere) {
      throw refusal(asked(), response, {});
    }
    const auto names = read_models(response.body, key_);
    if (names.size() == 1) {
      core::log::info(cat("language model: ", names.front()));
      return names.front();
    }
    throw UsageError(cat(address_.models.substr(0, address_.models.find('?')),
                         names.empty() ? cat(" lists no models (HTTP ", response.status, ")")
                                       : cat(" lists ", core::join(names, ", ")),
                         ": name the model with --model"));
  }

  void start_due() {
    const auto now = Clock::now();
    while (!later_.empty() && later_.begin()->first <= now) {
      ready_.push_front(std::move(later_.begin()->second));
      later_.erase(later_.begin());
    }
    while (!ready_.empty() && http_.under_way() < options_.concurrency &&
           now >= std::max(paused_until_, next_start_)) {
      Question question = std::move(ready_.front());
      ready_.pop_front();
      http_.start(question.id, {address_.completions, headers(), question.body});
      ++traffic_.requests;
      if (question.failures > 0) ++traffic_.retries;
      under_way_.emplace(question.id, std::move(question));
      if (options_.requests_per_minute > 0) {
        const double apart = std::min(60 / options_.requests_per_minute, kLongestGap);
        next_start_ = std::max(next_start_, now) + ticks(apart);
      }
    }
  }

  /// Seconds until a question could be started for which there is room.
  double until_next_start() const {
    auto due = Clock::time_point::max();
    if (http_.under_way() >= options_.concurrency) return Seconds::max().count();
    if (!ready_.empty()) due = std::max(paused_until_, next_start_);
    if (!later_.empty()) {
      due = std::min(due, std::max({later_.begin()->first, paused_until_, next_start_}));
    }
    if (due == Clock::time_point::max()) return Seconds::max().count();
    return std::max(Seconds(due - Clock::now()).count(), 0.0);
  }

  /// Error when the response is no chat completion.
  Reply answer(std::uint64_t id, const HttpResponse& response) {
    Completion completion = read_completion(response.body, key_);
    traffic_.prompt_tokens += completion.prompt_tokens;
    traffic_.completion_tokens += completion.completion_tokens;
    answered_ = true;
    in_vain_ = 0;
    return {.id = id,
            .text = std::move(completion.text),
            .prompt_tokens = completion.prompt_tokens,
            .completion_tokens = completion.completion_tokens,
            .seconds = response.seconds};
  }

  void handle(const HttpResponse& response, std::vector<Reply>& replies) {
    auto node = under_way_.extract(response.id);
    Question& question = node.mapped();
    if (is_success(response)) {
      try {
        replies.push_back(answer(question.id, response));
        return;
      } catch (const Error& error) {
        // A page is of another server; what a chat server says may be about this text alone.
        if (!has_answered() && !is_json_object(response.body)) {
          throw no_completion(asked(), response, error.what());
        }
        return again(std::move(question), response, error.what(), replies);
      }
    }
    if (response.fault != HttpFault::kNone) {
      const bool passing = answered_ || (response.fault != HttpFault::kTls &&
                                         response.fault != HttpFault::kUnreachable);
      if (!passing) throw no_connection(asked(), response);
      return again(std::move(question), response, response.what, replies);
    }
    if (response.status == 429 && is_quota_used_up(response.body)) refuse(response);
    if (may_pass(response.status)) {
      return again(std::move(question), response, status_text(response, key_), replies);
    }
    const bool this_text =
        response.status == 400 || response.status == 413 || response.status == 422;
    if (!this_text || is_in_vain(kFewestRefused)) refuse(response);
    replies.push_back(
        {.id = question.id, .fault = status_text(response, key_), .seconds = response.seconds});
  }

  bool has_answered() const { return answered_ || answered_before_; }

  /// Counts a question without an answer: whether to go on asking others is in vain.
  bool is_in_vain(std::size_t fewest) {
    ++in_vain_;
    const bool nothing_works = !has_answered() && open() == 0;
    return nothing_works || in_vain_ >= std::max(fewest, options_.concurrency);
  }

  void again(Question question, const HttpResponse& response, const std::string& said,
             std::vector<Reply>& replies) {
    const std::string what = key_.hidden(said);
    core::log::debug(cat("question ", question.id, ": ", what));
    last_fault_ = what;
    const double doubled = kFirstPause * std::pow(2.0, static_cast<double>(question.failures));
    double pause = std::min(doubled, kLongestBackOff) * rng_.uniform(0.75, 1.25);
    const double wanted = retry_after(response.retry_after);
    if (wanted > kLongestWish) {
      throw too_long_a_wait(asked(), what, wanted);
    }
    pause = std::max(pause, wanted);
    const auto until = Clock::now() + ticks(pause);
    // Who says "not now" says it to all questions.
    if (wanted >= 0 || response.status == 429 || response.status == 503) {
      paused_until_ = std::max(paused_until_, until);
    }
    if (question.failures >= options_.retries) {
      if (response.fault == HttpFault::kUnreachable) throw no_connection(asked(), response);
      const bool refused = is_success(response) && has_answered();
      if (is_in_vain(refused ? kFewestRefused : kFewestInVain)) {
        if (is_success(response) && !has_answered()) throw no_completion(asked(), response, what);
        throw all_in_vain(asked(), what, question.failures + 1, answered_ ? in_vain_ : 0);
      }
      replies.push_back({.id = question.id, .fault = what, .seconds = response.seconds});
      return;
    }
    if (question.failures == 0 && !warned_) {
      warned_ = true;
      core::log::warning(cat(address_.shown, ": ", what, "; trying again, up to ", options_.retries,
                             " times (this is said once)"));
    }
    ++question.failures;
    later_.emplace(until, std::move(question));
  }

  Asked asked() const { return {address_.shown, options_.model, key_}; }

  /// Ends all asking; for an unknown path or model with what the server has.
  [[noreturn]] void refuse(const HttpResponse& response) const {
    const bool unknown = response.status == 404 || response.status == 405;
    throw refusal(asked(), response,
                  unknown ? read_models(get_models().body, key_) : std::vector<std::string>{});
  }

  EndpointOptions options_;
  ChatAddress address_;
  ApiKey key_;
  HttpClient http_;
  core::Rng rng_;
  nlohmann::ordered_json settings_;
  Traffic traffic_;
  std::deque<Question> ready_;
  std::multimap<Clock::time_point, Question> later_;
  std::unordered_map<std::uint64_t, Question> under_way_;
  Clock::time_point paused_until_{};
  Clock::time_point next_start_{};
  std::exception_ptr end_;  // why nothing more is asked
  std::string last_fault_;
  bool answered_ = false;         // some question was
  bool answered_before_ = false;  // in an earlier run
  bool warned_ = false;           // that something is tried again
  std::size_t in_vain_ = 0;       // questions since the last answer whose tries are used up
};

ChatEndpoint::ChatEndpoint(const EndpointOptions& options)
    : conversations_(std::make_unique<Conversations>(options)) {}

ChatEndpoint::~ChatEndpoint() = default;

void ChatEndpoint::ask(std::uint64_t id, const std::vector<Message>& messages) {
  conversations_->ask(id, messages);
}

void ChatEndpoint::note_earlier_answers() { conversations_->note_earlier_answers(); }

std::size_t ChatEndpoint::open() const { return conversations_->open(); }

std::vector<Reply> ChatEndpoint::last_replies(double seconds) {
  return conversations_->last_replies(seconds);
}

std::vector<Reply> ChatEndpoint::wait(double seconds) { return conversations_->wait(seconds); }

const std::string& ChatEndpoint::model() const { return conversations_->options().model; }

const Traffic& ChatEndpoint::traffic() const { return conversations_->traffic(); }

std::string ChatEndpoint::waits_for() const { return conversations_->waits_for(); }

nlohmann::ordered_json ChatEndpoint::settings() const { return conversations_->settings(); }

}  // namespace pcnet::cues
