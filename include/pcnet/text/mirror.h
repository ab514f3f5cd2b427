#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pcnet::text {

/// What the text says of the mirrored picture: "left" and "right" swapped, whole words in lower
/// case alone. Nothing when it holds neither.
std::optional<std::string> mirrored(std::string_view text);

}  // namespace pcnet::text
