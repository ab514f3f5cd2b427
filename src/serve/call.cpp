#include "pcnet/serve/call.h"

#include <nlohmann/json.hpp>

#include "pcnet/core/json.h"

namespace pcnet::serve {

HttpError late() {
  return {503, "too many ask at once: the time for an answer has passed; try again"};
}

Reply error_reply(int status, const std::string& message) {
  const nlohmann::ordered_json document = {{"error", {{"status", status}, {"message", message}}}};
  Reply reply{status, "application/json", core::json_text(document) + "\n"};
  if (status == 429 || status == 503) reply.headers.emplace_back("Retry-After", "1");
  if (status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

}  // namespace pcnet::serve
