#pragma once

#include "pcnet/config/config.h"

namespace pcnet::config {

/// What a profile sets (docs/method.md#paper-released-code-tris;
/// docs/method.md#the-profile-improved) over the defaults, which are the paper's.
Config profile_values(Choice<Profile> profile);

}  // namespace pcnet::config
