#include "endpoint_faults.h"

#include "pcnet/core/format.h"

#include "chat.h"

namespace pcnet::cues {

using core::cat;
using core::Error;

namespace {

constexpr const char* kOrRules = "or take the built-in rules: --source rules";

}  // namespace

std::string status_text(const HttpResponse& response, const ApiKey& key) {
  const std::string said = server_message(response.body, key);
  return cat("HTTP ", response.status, said.empty() ? "" : cat(" (", said, ")"));
}

Error no_connection(const Asked& asked, const HttpResponse& response) {
  if (response.fault == HttpFault::kTls) {
    return Error(cat("cannot trust ", asked.url, ": ", response.what,
                     "; --ca-file names the certificate of a server that has its own"));
  }
  return Error(cat("no language model at ", asked.url, ": ", response.what,
                   "; start a server there (llama-server, vllm serve, ollama serve), name another "
                   "with --endpoint, ",
                   kOrRules));
}

Error no_completion(const Asked& asked, const HttpResponse& response, const std::string& fault) {
  const std::string type = shortened(response.content_type, asked.key);
  return Error(cat(asked.url, " does not answer with a chat completion (",
                   type.empty() ? "no content type" : type, ": ", fault,
                   "): --endpoint wants the base of an OpenAI-compatible interface, such as "
                   "http://localhost:8080/v1"));
}

Error refusal(const Asked& asked, const HttpResponse& response,
              const std::vector<std::string>& models) {
  const std::string what = status_text(response, asked.key);
  switch (response.status) {
    case 401:
    case 403:
      return Error(cat(asked.url, " refuses the key: ", what, "; ",
                       asked.key.is_set()
                           ? cat("check what ", asked.key.variable(), " holds")
                           : cat("put one into the environment variable ", asked.key.variable(),
                                 ", or name another with --key-env")));
    case 404:
    case 405:
      return Error(cat(asked.url, " has no such path or no model \"", asked.model, "\": ", what,
                       models.empty() ? "" : cat("; it lists ", core::join(models, ", ")),
                       "; check --endpoint and --model"));
    case 429:
      return Error(cat(asked.url, ": the account is used up: ", what));
    default:
      break;
  }
  if (response.status >= 300 && response.status < 400) {
    return Error(
        cat(asked.url, " redirects to ",
            response.redirect.empty() ? "nowhere" : shortened(response.redirect, asked.key),
            " (HTTP ", response.status, "): give that address with --endpoint"));
  }
  return Error(cat(asked.url, " refuses the request: ", what,
                   "; --request FIELD=null leaves a field out that the server does not know"));
}

Error too_long_a_wait(const Asked& asked, const std::string& what, double seconds) {
  return Error(cat(asked.url, " asks to wait ", core::human_seconds(seconds), " (", what,
                   "): run the same command again then"));
}

Error all_in_vain(const Asked& asked, const std::string& what, std::size_t tries,
                  std::size_t in_vain) {
  return Error(cat(asked.url, " gave no answer in ", tries, tries == 1 ? " try" : " tries",
                   in_vain == 0 ? "" : cat(" to each of ", in_vain, " questions"),
                   ", the last time: ", what, "; look at the server, ", kOrRules));
}

}  // namespace pcnet::cues
