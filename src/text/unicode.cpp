#include "unicode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <utf8proc.h>

#include "pcnet/text/utf8.h"

namespace pcnet::text {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool in(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

/// What may follow a lead byte: how many bytes, and the range of the first of them.
struct Sequence {
  int following = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

Sequence sequence_of(unsigned char lead) {
  if (in(lead, 0xC2, 0xDF)) return {.following = 1};
  if (lead == 0xE0) return {.following = 2, .low = 0xA0};
  if (lead == 0xED) return {.following = 2, .high = 0x9F};
  if (in(lead, 0xE1, 0xEF)) return {.following = 2};
  if (lead == 0xF0) return {.following = 3, .low = 0x90};
  if (in(lead, 0xF1, 0xF3)) return {.following = 3};
  if (lead == 0xF4) return {.following = 3, .high = 0x8F};
  return {};
}

/// Decodes one character at `at` and moves on. A sequence that breaks off is one U+FFFD, and the
/// byte that broke it is read again.
char32_t decode_one(std::string_view bytes, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(at++);
  if (lead < 0x80) return lead;
  const Sequence sequence = sequence_of(lead);
  if (sequence.following == 0) return kReplacement;
  char32_t c = lead & (0x3FU >> sequence.following);
  for (int i = 0; i < sequence.following; ++i) {
    const unsigned char low = i == 0 ? sequence.low : 0x80;
    const unsigned char high = i == 0 ? sequence.high : 0xBF;
    if (at >= bytes.size() || !in(byte(at), low, high)) return kReplacement;
    c = c << 6U | (byte(at++) & 0x3FU);
  }
  return c;
}

// Unicode's property Case_Ignorable: marks, format and modifier characters, and the punctuation
// that stands inside of words.
bool is_case_ignorable(char32_t c) {
  static constexpr std::array<char32_t, 15> kInsideWords = {U'\'',  U'.',   U':',   0xB7,   0x387,
                                                            0x55F,  0x5F4,  0x2018, 0x2019, 0x2024,
                                                            0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07};
  if (std::find(kInsideWords.begin(), kInsideWords.end(), c) != kInsideWords.end()) return true;
  if (c == 0xFF0E || c == 0xFF1A) return true;
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME ||
         kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_LM ||
         kind == UTF8PROC_CATEGORY_SK;
}

// Unicode's property Cased for characters that are not Case_Ignorable: letters with a case, and the
// ordinal indicators, Roman numerals and letters in circles and squares.
bool is_cased(char32_t c) {
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
         kind == UTF8PROC_CATEGORY_LT || c == 0xAA || c == 0xBA || in(c, 0x2160, 0x217F) ||
         in(c, 0x24B6, 0x24E9) || in(c, 0x1F130, 0x1F149) || in(c, 0x1F150, 0x1F169) ||
         in(c, 0x1F170, 0x1F189);
}

bool cased_comes_next(std::u32string_view text, std::size_t after) {
  for (std::size_t i = after + 1; i < text.size(); ++i) {
    if (!is_case_ignorable(text[i])) return is_cased(text[i]);
  }
  return false;
}

char32_t simple_lower(char32_t c) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

void append_decomposed(std::u32string& text, char32_t c, int options) {
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
  int last_boundary = 0;
  const auto count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(c), parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
      static_cast<utf8proc_option_t>(options), &last_boundary);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    text += static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
  }
}

utf8proc_propval_t combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

// Canonical order: each run of marks sorted by class. A sort, because utf8proc's own exchange of
// neighbours takes quadratic time for a long run.
void order_marks(std::u32string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (combining_class(text[i]) == 0) continue;
    std::size_t end = i + 1;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + static_cast<std::ptrdiff_t>(i),
                     text.begin() + static_cast<std::ptrdiff_t>(end), [](char32_t a, char32_t b) {
                       return combining_class(a) < combining_class(b);
                     });
    i = end;
  }
}

void compose(std::u32string& text) {
  // utf8proc 2.8 takes U+11A7, the code point before the first final consonant of Hangul, for
  // a consonant and swallows it after a syllable. It composes with nothing, so we cut before it.
  constexpr char32_t kBeforeFinals = 0x11A7;
  const std::u32string parts = std::move(text);
  text.clear();
  std::vector<utf8proc_int32_t> buffer;
  for (std::size_t start = 0; start < parts.size();) {
    const std::size_t end = std::min(parts.find(kBeforeFinals, start + 1), parts.size());
    buffer.assign(parts.begin() + static_cast<std::ptrdiff_t>(start),
                  parts.begin() + static_cast<std::ptrdiff_t>(end));
    const auto size = utf8proc_normalize_utf32(
        buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()),
        static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    text.append(buffer.begin(), buffer.begin() + size);
    start = end;
  }
}

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) text += decode_one(bytes, at);
  return text;
}

char32_t take_utf8(std::string_view& text) {
  std::size_t at = 0;
  const char32_t c = decode_one(text, at);
  text.remove_prefix(at);
  return c;
}

void append_utf8(std::string& bytes, char32_t c) {
  const auto tail = [&](unsigned shift) {
    bytes += static_cast<char>(0x80U | (c >> shift & 0x3FU));
  };
  if (c < 0x80) {
    bytes += static_cast<char>(c);
  } else if (c < 0x800) {
    bytes += static_cast<char>(0xC0U | c >> 6U);
    tail(0);
  } else if (c < 0x10000) {
    bytes += static_cast<char>(0xE0U | c >> 12U);
    tail(6);
    tail(0);
  } else {
    bytes += static_cast<char>(0xF0U | c >> 18U);
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) append_utf8(bytes, c);
  return bytes;
}

std::string valid_utf8(std::string_view bytes) { return encode_utf8(decode_utf8(bytes)); }

bool is_letter(char32_t c) {
  if (c < 0x80) return in(c, 'a', 'z') || in(c, 'A', 'Z');
  return category(c) >= UTF8PROC_CATEGORY_LU && category(c) <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  if (c < 0x80) return in(c, '0', '9');
  return category(c) >= UTF8PROC_CATEGORY_ND && category(c) <= UTF8PROC_CATEGORY_NO;
}

bool is_decimal_digit(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_space(char32_t c) {
  return in(c, 0x9, 0xD) || in(c, 0x1C, 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         in(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_mark(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_MN || category(c) == UTF8PROC_CATEGORY_MC;
}

bool is_word_character(char32_t c) {
  return is_letter(c) || is_number(c) || (c >= 0x80 && is_mark(c)) || c == kReplacement;
}

bool is_whole_word(char32_t c) {
  if (c < 0x80 || c == kReplacement) return false;
  const bool ideograph = in(c, 0x3400, 0x4DBF) || in(c, 0x4E00, 0x9FFF) || in(c, 0x20000, 0x3FFFF);
  return ideograph || in(c, 0x3041, 0x3096) || category(c) == UTF8PROC_CATEGORY_SO;
}

bool is_invisible(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_CF || in(c, 0xFE00, 0xFE0F) || in(c, 0xE0100, 0xE01EF);
}

std::u32string to_nfc(std::u32string text) {
  // Nothing below U+0300 is a mark or changes.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) return text;
  std::u32string parts;
  parts.reserve(text.size());
  for (const char32_t c : text) append_decomposed(parts, c, UTF8PROC_DECOMPOSE);
  order_marks(parts);
  compose(parts);
  return parts;
}

void append_nfkc(std::u32string& text, char32_t c) {
  std::u32string parts;
  append_decomposed(parts, c, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  order_marks(parts);
  compose(parts);
  text += parts;
}

std::u32string to_lower(std::u32string_view text) {
  std::u32string lower;
  lower.reserve(text.size());
  bool after_cased = false;  // the last character that is not Case_Ignorable has a case
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c < 0x80) {
      lower += in(c, 'A', 'Z') ? c + ('a' - 'A') : c;
    } else if (c == 0x130) {
      lower += U"i\u0307";
    } else if (c == 0x3A3) {
      lower += after_cased && !cased_comes_next(text, i) ? U'\u03C2' : U'\u03C3';
    } else {
      lower += simple_lower(c);
    }
    if (!is_case_ignorable(c)) after_cased = is_cased(c);
  }
  return lower;
}

std::u32string to_upper(std::u32string_view text) {
  std::u32string upper;
  for (const char32_t c : text) {
    if (c == 0xDF) {
      upper += U"SS";
    } else {
      upper += static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
    }
  }
  return upper;
}

}  // namespace pcnet::text
