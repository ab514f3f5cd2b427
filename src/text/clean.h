#pragma once

#include <string>
#include <string_view>

namespace pcnet::text {

/// The text as CLIP reads it, in valid UTF-8: glitches mended as ftfy mends them, except that no
/// wrongly decoded text ("Ã©" for "é") is guessed back; HTML's references replaced, at most twice
/// escaped; runs of white space made one space; lower case.
std::string clean_text(std::string_view bytes);

}  // namespace pcnet::text
