#include "api_key.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

#include "cues/trimmed.h"

namespace pcnet::cues {

using core::cat;
using core::UsageError;

namespace {

// Characters: what is shorter stands for "no key" on a server that wants some, and is in any text.
constexpr std::size_t kShortestSecret = 8;

void replace_all(std::string& text, const std::string& what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

ApiKey::ApiKey(const std::string& variable)
    : variable_(variable.empty() ? "PCNET_API_KEY" : variable) {
  const char* value = std::getenv(variable_.c_str());
  key_ = trimmed(value == nullptr ? "" : value);
  if (key_.empty() && !variable.empty()) {
    throw UsageError(cat("--key-env names ", variable_, ", but that environment variable is ",
                         value == nullptr ? "not set" : "empty"));
  }
  if (!std::all_of(key_.begin(), key_.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    throw UsageError(cat("the key in ", variable_, " holds a space or a control character"));
}

std::string ApiKey::hidden(std::string text) const {
  if (key_.size() < kShortestSecret) return text;
  // As it stands in quoted JSON, in which some servers write "/" as "\/".
  std::string quoted = core::json_text(nlohmann::json(key_), {.exact = true});
  quoted = quoted.substr(1, quoted.size() - 2);
  replace_all(text, key_, "***");
  replace_all(text, quoted, "***");
  replace_all(quoted, "/", "\\/");
  replace_all(text, quoted, "***");
  return text;
}

}  // namespace pcnet::cues
