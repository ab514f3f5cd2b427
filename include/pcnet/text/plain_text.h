#pragma once

#include <string>
#include <string_view>

namespace pcnet::text {

/// The text as it is typed on a keyboard: typographic quotes, hyphens, dashes and spaces as those
/// of ASCII, compatible forms (ligatures, full width, "…") as what they stand for (NFKC), what is
/// not seen left out, bytes that are no UTF-8 as U+FFFD. ASCII stays as it is.
std::string plain_text(std::string_view text);

}  // namespace pcnet::text
