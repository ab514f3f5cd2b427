#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pcnet/serve/limits.h"

namespace pcnet::serve {

/// What `serve` is asked.
struct ServeRequest {
  std::filesystem::path model;  ///< run folder or checkpoint
  std::vector<std::string> overrides;
  std::string host = "127.0.0.1";
  int port = 8000;    ///< 0: a free one
  std::string token;  ///< that clients have to name; empty: none, which is for this machine alone
  Limits limits;
  std::int64_t kept_bytes = std::int64_t{256}
                            << 20;  ///< of what the model made of images and texts
  std::int64_t examples = 12;       ///< images of the run's dataset on the page, if it is there
  bool dataset_is_named = false;    ///< by the call: then it must be there
};

/// Answers requests (docs/serve.md) until SIGINT or SIGTERM, then finishes those that came before.
/// @param ready called with the page's address once clients can connect
/// UsageError for another host than this machine's without a token; Error for an address that is
/// taken.
void serve(const ServeRequest& request, const std::function<void(const std::string& url)>& ready);

}  // namespace pcnet::serve
