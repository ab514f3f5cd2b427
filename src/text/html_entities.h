#pragma once

#include <string>
#include <string_view>

namespace pcnet::text {

/// Replaces every character reference by HTML 5's rules, as Python's html.unescape does: also
/// "&amp" without a semicolon and "&notit;" by its longest known beginning.
std::u32string unescape_html(std::u32string_view text);

/// Replaces only what is surely meant as a reference, as ftfy does: with a semicolon, also in
/// capitals ("&EACUTE;").
std::u32string unescape_clear_html(std::u32string_view text);

/// What byte 0x80 to 0x9F stands for in Windows-1252; the five that it leaves open stay.
char32_t windows_1252(char32_t c1_control);

}  // namespace pcnet::text
