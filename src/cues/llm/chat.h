#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/cues/llm/endpoint.h"

#include "api_key.h"
#include "http.h"

namespace pcnet::cues {

/// OpenAI's chat completions as JSON (platform.openai.com/docs/api-reference/chat).

/// The addresses of a server.
struct ChatAddress {
  std::string completions;
  std::string shown;  ///< the same without a query, which may hold a secret
  std::string models;
  std::string host;
  bool local = false;      ///< on this machine
  bool encrypted = false;  ///< https
};

/// UsageError for what is no http or https address, or holds a user or password.
ChatAddress chat_address(const std::string& url);

/// What a response says.
struct Completion {
  std::string text;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

// None of these gives the key, whatever the body repeats.

/// Error when the body is no chat completion.
Completion read_completion(std::string_view body, const ApiKey& key);

/// Whether it is JSON of a server, right or wrong, and no page.
bool is_json_object(std::string_view body);

/// The names in a response to GET /models; empty when it is none.
std::vector<std::string> read_models(std::string_view body, const ApiKey& key);

/// The server's own words about a fault in one short line; empty when it says nothing.
std::string server_message(std::string_view body, const ApiKey& key);

/// A server's text in one short line, without the key.
std::string shortened(const std::string& text, const ApiKey& key);

/// Whether a response's body says that the account, not the rate, is used up.
bool is_quota_used_up(std::string_view body);

}  // namespace pcnet::cues
