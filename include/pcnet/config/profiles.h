#pragma once

#include <string>
#include <vector>

#include "pcnet/config/config.h"

namespace pcnet::config {

/// The methods that model.profile names: "paper", "released", "tris", "improved".
std::vector<std::string> profiles();

/// What a profile sets (docs/method.md#paper-released-code-tris;
/// docs/method.md#the-profile-improved) over the defaults, which are the paper's. UsageError for
/// another name.
Config profile_values(const std::string& name);

}  // namespace pcnet::config
