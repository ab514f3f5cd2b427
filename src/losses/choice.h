#pragma once

#include <string>
#include <string_view>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::losses {

/// True when the option `key` holds `yes`, false when it holds `no`; ConfigError for another word.
inline bool chosen(std::string_view key, const std::string& value, std::string_view yes,
                   std::string_view no) {
  if (value == yes) return true;
  if (value == no) return false;
  throw core::ConfigError(core::cat(key, ": got '", value, "', wanted ", yes, " or ", no));
}

}  // namespace pcnet::losses
