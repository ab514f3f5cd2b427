#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>

#include "schema.h"

namespace pcnet::config {

namespace {

bool is_plain_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_./+-").find(c) != std::string_view::npos;
}

// Words that some YAML reader takes for something other than text.
bool is_reserved(const std::string& text) {
  static constexpr std::array<std::string_view, 10> kWords = {
      "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

std::string item_text(std::int64_t value) { return std::to_string(value); }

// YAML 1.1 readers take a number with an exponent for text unless it also has a point.
std::string item_text(double value) {
  std::string text = shortest(value);
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

std::string item_text(const std::string& value) { return quoted_if_needed(value); }

struct ValueText {
  const Field& field;

  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }

  std::string operator()(const AnyChoice* value) const { return item_text(word_of(field, *value)); }

  template <class T>
  std::string operator()(const T* value) const {
    return item_text(*value);
  }

  template <class T>
  std::string operator()(const std::vector<T>* values) const {
    std::string out = "[";
    for (const auto& value : *values) {
      if (out.size() > 1) out += ", ";
      out += item_text(value);
    }
    return out + "]";
  }
};

}  // namespace

std::string double_quoted(const std::string& text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string shortest(double value) {
  std::array<char, 40> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), result.ptr};
}

std::string quoted_if_needed(const std::string& text) {
  const bool plain_start =
      !text.empty() &&
      (std::isalpha(static_cast<unsigned char>(text[0])) != 0 || text[0] == '_' || text[0] == '/');
  if (plain_start && std::all_of(text.begin(), text.end(), is_plain_letter) && !is_reserved(text)) {
    return text;
  }
  return double_quoted(text);
}

std::string value_text(const Field& field) { return std::visit(ValueText{field}, field.slot); }

}  // namespace pcnet::config
