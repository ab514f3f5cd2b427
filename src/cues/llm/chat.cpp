#include "chat.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/text/utf8.h"

namespace pcnet::cues {

using core::cat;
using core::Error;
using core::UsageError;
using nlohmann::json;

namespace {

constexpr std::size_t kLongestMessage = 300;
constexpr std::uint64_t kMostTokens = 1'000'000'000;  // of one answer: a server may say anything
constexpr std::string_view kCompletions = "/chat/completions";

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

/// A part of an address; empty when it has none.
std::string part_of(const Url& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

void set_part(const Url& url, CURLUPart part, const std::string& text) {
  const CURLUcode code = curl_url_set(url.get(), part, text.c_str(), 0);
  if (code != CURLUE_OK) throw Error(cat("libcurl: ", curl_url_strerror(code)));
}

/// Invalid bytes replaced: a wrong encoding must not hide what can be read.
json lenient_json(std::string_view body) {
  return core::try_parse_json<json>(text::valid_utf8(body));
}

const json* member(const json& value, const char* name) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(name);
  return found == value.end() ? nullptr : &*found;
}

std::int64_t count_in(const json& usage, const char* name) {
  const json* count = member(usage, name);
  if (count == nullptr || !count->is_number_unsigned()) return 0;
  return static_cast<std::int64_t>(std::min(count->get<std::uint64_t>(), kMostTokens));
}

/// A message's content: a text, or a list of parts some of which are texts.
std::string content_text(const json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const json& part : content) {
    const json* said = member(part, "text");
    if (said != nullptr && said->is_string()) text += said->get<std::string>();
  }
  return text;
}

/// An address to show: what stands before an "@" may be a secret.
std::string without_password(const std::string& text) {
  const std::size_t end = text.rfind('@');
  if (end == std::string::npos) return text;
  const std::size_t scheme = text.find("://");
  return scheme < end ? text.substr(0, scheme + 3) + "***" + text.substr(end)
                      : "***" + text.substr(end);
}

}  // namespace

std::string shortened(const std::string& text, const ApiKey& key) {
  std::string line = key.hidden(text);  // half a key is a secret too
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return line.size() <= kLongestMessage
             ? line
             : text::valid_utf8(line.substr(0, kLongestMessage)) + " ...";
}

ChatAddress chat_address(const std::string& text) {
  const Url url(curl_url());
  // Without a scheme libcurl would guess one.
  const CURLUcode code = text.find("://") == std::string::npos
                             ? CURLUE_BAD_SCHEME
                             : curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
  const std::string scheme = code == CURLUE_OK ? part_of(url, CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    throw UsageError(cat("--endpoint is \"", without_password(text),
                         "\", wanted an address such as http://localhost:8080 or "
                         "https://api.mistral.ai/v1"));
  }
  if (!part_of(url, CURLUPART_USER).empty() || !part_of(url, CURLUPART_PASSWORD).empty()) {
    throw UsageError(
        "--endpoint holds a user or a password: put the key into an environment variable instead "
        "(--key-env)");
  }
  std::string path = part_of(url, CURLUPART_PATH);
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with(kCompletions)) path.resize(path.size() - kCompletions.size());
  if (path.empty()) path = "/v1";
  ChatAddress address;
  set_part(url, CURLUPART_PATH, path + std::string(kCompletions));
  address.completions = part_of(url, CURLUPART_URL);
  set_part(url, CURLUPART_PATH, path + "/models");
  address.models = part_of(url, CURLUPART_URL);
  address.shown = address.completions.substr(0, address.completions.find('?'));
  address.host = part_of(url, CURLUPART_HOST);
  const bool loopback = address.host.starts_with("127.") &&
                        address.host.find_first_not_of("0123456789.") == std::string::npos;
  address.local = address.host == "localhost" || address.host == "[::1]" || loopback;
  address.encrypted = scheme == "https";
  return address;
}

Completion read_completion(std::string_view body, const ApiKey& key) {
  const json document = lenient_json(body);
  const json* choices = member(document, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty()) {
    const std::string said = document.is_object() ? server_message(body, key) : "";
    throw Error(cat("the response holds no \"choices\"", said.empty() ? "" : ", but: ", said));
  }
  const json* message = member(choices->front(), "message");
  const json* content = message == nullptr ? nullptr : member(*message, "content");
  if (content == nullptr) throw Error("the response holds no \"message\" with \"content\"");
  Completion completion;
  completion.text = key.hidden(content_text(*content));
  if (const json* usage = member(document, "usage")) {
    completion.prompt_tokens = count_in(*usage, "prompt_tokens");
    completion.completion_tokens = count_in(*usage, "completion_tokens");
  }
  return completion;
}

bool is_json_object(std::string_view body) { return lenient_json(body).is_object(); }

std::vector<std::string> read_models(std::string_view body, const ApiKey& key) {
  std::vector<std::string> names;
  const json document = lenient_json(body);
  const json* list = member(document, "data");
  if (list == nullptr || !list->is_array()) return names;
  for (const json& model : *list) {
    const json* id = member(model, "id");
    if (id != nullptr && id->is_string()) names.push_back(key.hidden(id->get<std::string>()));
  }
  return names;
}

std::string server_message(std::string_view body, const ApiKey& key) {
  const json document = lenient_json(body);
  // {"error": {"message": ...}}, {"error": ...}, {"message": ...}, {"detail": ...}
  for (const char* name : {"error", "message", "detail"}) {
    const json* said = member(document, name);
    if (said == nullptr) continue;
    const json* inner = member(*said, "message");
    if (inner != nullptr) said = inner;
    if (said->is_string()) return shortened(said->get<std::string>(), key);
  }
  // As it came: writing JSON anew would follow its lists as deep as they go.
  return shortened(text::valid_utf8(body), key);
}

bool is_quota_used_up(std::string_view body) {
  const json document = lenient_json(body);
  const json* error = member(document, "error");
  const json* code = error == nullptr ? nullptr : member(*error, "code");
  return code != nullptr && code->is_string() && code->get<std::string>() == "insufficient_quota";
}

}  // namespace pcnet::cues
