#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pcnet::text {

/// What the text says of the mirrored picture: "left" and "right" swapped, whole words in lower
/// case alone. Nothing when it holds neither.
std::optional<std::string> mirrored(std::string_view text);

/// What it says of the picture upside down: "above" and "below", "over" and "under", "top" and
/// "bottom", "upper" and "lower", "higher than" and "lower than" swapped likewise; "beneath"
/// becomes "above" and "underneath" "over".
std::optional<std::string> upended(std::string_view text);

/// The text with one of its directions turned round: mirrored(), else upended().
std::optional<std::string> turned(std::string_view text);

}  // namespace pcnet::text
