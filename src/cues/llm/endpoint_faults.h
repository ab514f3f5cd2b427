#pragma once

#include <string>
#include <vector>

#include "pcnet/core/error.h"

#include "api_key.h"
#include "http.h"

namespace pcnet::cues {

/// Who was asked.
struct Asked {
  std::string url;
  std::string model;
  const ApiKey& key;
};

/// "HTTP 500 (out of memory)".
std::string status_text(const HttpResponse& response, const ApiKey& key);

/// What ends all asking; each says what to try.
core::Error no_connection(const Asked& asked, const HttpResponse& response);
core::Error no_completion(const Asked& asked, const HttpResponse& response,
                          const std::string& fault);
/// A status that no repetition changes. @param models that the server lists
core::Error refusal(const Asked& asked, const HttpResponse& response,
                    const std::vector<std::string>& models);
core::Error too_long_a_wait(const Asked& asked, const std::string& what, double seconds);
/// @param in_vain questions in a row whose tries are used up; 0: none was ever answered
core::Error all_in_vain(const Asked& asked, const std::string& what, std::size_t tries,
                        std::size_t in_vain);

}  // namespace pcnet::cues
