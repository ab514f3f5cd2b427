#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace pcnet::cues {

/// Where and how a language model is asked: any server with OpenAI's chat completions.
struct EndpointOptions {
  std::string url;           ///< its base ("http://localhost:8080", ".../v1") or the whole address
  std::string model;         ///< empty: the only one that the server lists
  std::string key_variable;  ///< environment variable with the key; empty: PCNET_API_KEY, if set
  std::string ca_file;       ///< PEM certificates to trust instead of the system's
  std::size_t concurrency = 4;     ///< requests at once
  double connect_seconds = 10;     ///< until a connection stands
  double seconds = 120;            ///< until a response is whole
  std::size_t retries = 6;         ///< of one request, after faults that may pass
  double requests_per_minute = 0;  ///< 0: no limit
  double temperature = 0;
  std::int64_t seed = 0;
  std::int64_t max_tokens = 256;  ///< of an answer
  /// Fields of the request that are set besides, or left out where the value is null.
  nlohmann::ordered_json request = nlohmann::ordered_json::object();
};

/// One message of a conversation.
struct Message {
  std::string role;  ///< user or assistant
  std::string text;
};

/// What became of a question.
struct Reply {
  std::uint64_t id = 0;
  std::string text;
  std::string fault;  ///< why there is no text; empty: there is one
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0;
};

/// What has been sent and received so far.
struct Traffic {
  std::int64_t requests = 0;
  std::int64_t retries = 0;  ///< requests that repeated another
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

/// Asks a language model many questions at once, on one thread. Faults that may pass (time-outs, a
/// cut connection, HTTP 408, 409, 425, 429, 5xx, no completion in the response) are tried again
/// after a pause that doubles, or that the server asks for (Retry-After).
class ChatEndpoint {
 public:
  /// UsageError for an address that is none or holds a password, for a key variable that is not
  /// set; Error when no model is named and the server does not list exactly one.
  explicit ChatEndpoint(const EndpointOptions& options);
  ~ChatEndpoint();
  ChatEndpoint(const ChatEndpoint&) = delete;
  ChatEndpoint& operator=(const ChatEndpoint&) = delete;

  /// It has answered in an earlier run: one question without a reply says nothing about others.
  void note_earlier_answers();
  /// Questions wait until there is room for them.
  void ask(std::uint64_t id, const std::vector<Message>& messages);
  /// Questions without a reply yet.
  std::size_t open() const;
  /// Goes on until there are replies, or for so many seconds. Error when asking goes on in vain:
  /// nothing listens, the key or the model is refused, a response that is no chat completion before
  /// any that is, or several questions in a row without a reply.
  std::vector<Reply> wait(double seconds);

  /// The answers to what is under way, for so many seconds at most; nothing more is asked
  /// meanwhile.
  std::vector<Reply> last_replies(double seconds);

  const std::string& model() const;
  const Traffic& traffic() const;
  /// What it waits for ("HTTP 429, going on in 12 s"); empty when it does not.
  std::string waits_for() const;
  /// What besides the messages decides on an answer: the request without them.
  nlohmann::ordered_json settings() const;

 private:
  class Conversations;
  std::unique_ptr<Conversations> conversations_;
};

}  // namespace pcnet::cues
