#include "pcnet/core/error.h"

namespace pcnet::core {

std::string Error::printable(const std::string& message, std::string_view kept) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string line;
  line.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7f) || kept.find(c) != std::string_view::npos) {
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else {
      line += "\\x";
      line += kDigits[byte >> 4U];
      line += kDigits[byte & 0xfU];
    }
  }
  return line;
}

}  // namespace pcnet::core
