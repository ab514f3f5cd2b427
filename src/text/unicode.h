#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pcnet::text {

/// The text of these bytes; what is not UTF-8 becomes U+FFFD as in Python's errors="replace".
std::u32string decode_utf8(std::string_view bytes);

/// The UTF-8 bytes of a text without surrogates.
std::string encode_utf8(std::u32string_view text);
void append_utf8(std::string& bytes, char32_t c);

/// Takes one character off the front of non-empty UTF-8; what is none is U+FFFD.
char32_t take_utf8(std::string_view& text);

bool is_letter(char32_t c);         ///< general category L*
bool is_number(char32_t c);         ///< general category N*
bool is_decimal_digit(char32_t c);  ///< general category Nd
bool is_space(char32_t c);          ///< Python's str.isspace

/// What a word is made of: letters, numbers, the marks on them, and U+FFFD, which could not be
/// read.
bool is_word_character(char32_t c);
bool is_mark(char32_t c);  ///< general categories Mn and Mc
/// A word by itself, whatever stands beside it: ideographs and hiragana, which are written without
/// spaces, and symbols such as emoji.
bool is_whole_word(char32_t c);
/// Nobody sees it: format characters such as the soft hyphen, a byte-order mark, joiners, and
/// variation selectors.
bool is_invisible(char32_t c);

/// plain_text() of characters.
std::u32string plain_characters(std::u32string_view text);

/// The normal form NFC.
std::u32string to_nfc(std::u32string text);

/// Appends the normal form NFKC of one character.
void append_nfkc(std::u32string& text, char32_t c);

/// Python's str.lower: the full mappings, with a final sigma.
std::u32string to_lower(std::u32string_view text);

/// Python's str.upper for a text without typographical ligatures.
std::u32string to_upper(std::u32string_view text);

}  // namespace pcnet::text
