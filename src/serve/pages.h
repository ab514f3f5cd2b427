#pragma once

#include <string_view>

#include "pcnet/serve/call.h"

namespace pcnet::serve {

/// The page at /, whose one script and style are named by a number that is drawn for this answer:
/// its policy allows no others.
Reply page_reply();

/// The description of the interface by OpenAPI 3.1.
std::string_view openapi();

}  // namespace pcnet::serve
