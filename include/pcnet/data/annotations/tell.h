#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace pcnet::data {

/// Hears how many of how many things, called `what`, are done; from one thread. What it throws ends
/// the work. Empty: nobody asks.
using Tell = std::function<void(const std::string& what, std::int64_t done, std::int64_t total)>;

}  // namespace pcnet::data
