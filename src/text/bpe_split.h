#pragma once

#include <cstdint>
#include <string_view>

namespace pcnet::text {

/// What CLIP's pattern finds at one place of a text.
struct BpeWord {
  enum class Kind : std::uint8_t { kNone, kStart, kEnd, kOther };
  Kind kind = Kind::kNone;  ///< the start token, the end token or bytes to be merged
  std::string_view bytes;
};

/// Takes the next word off the front of a cleaned text, kNone at its end: a special token written
/// out, an English contraction, a run of letters, one digit, or a run of anything else.
BpeWord take_word(std::string_view& text);

}  // namespace pcnet::text
