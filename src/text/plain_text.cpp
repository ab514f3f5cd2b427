#include "pcnet/text/plain_text.h"

#include <string>

#include "unicode.h"

namespace pcnet::text {

namespace {

/// What a keyboard has for a quote, hyphen, dash or space; empty for any other character.
std::u32string_view keyboard(char32_t c) {
  const auto in = [&](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (c == 0xB4 || c == 0x2BC || in(0x2018, 0x201B) || c == 0x2032) return U"'";
  if (c == 0xAB || c == 0xBB || in(0x201C, 0x201F) || c == 0x2033) return U"\"";
  if (c == 0x2010 || c == 0x2011) return U"-";
  if (in(0x2012, 0x2015) || c == 0x2212) return U" - ";
  if (c == 0x200B || is_space(c)) return U" ";  // of no width, but where words may part
  return {};
}

}  // namespace

std::u32string plain_characters(std::u32string_view text) {
  std::u32string plain;
  plain.reserve(text.size());
  for (const char32_t c : text) {
    if (c < 0x80) {
      plain += c;
    } else if (const auto key = keyboard(c); !key.empty()) {
      plain += key;
    } else if (!is_invisible(c)) {
      append_nfkc(plain, c);
    }
  }
  return to_nfc(std::move(plain));
}

std::string plain_text(std::string_view text) {
  return encode_utf8(plain_characters(decode_utf8(text)));
}

}  // namespace pcnet::text
