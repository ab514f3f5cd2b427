#include "value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

constexpr std::size_t kLongestShown = 60;

// yaml-cpp marks a plain scalar with "?"; a quoted one, or one tagged !!str, is text.
bool is_plain(const YAML::Node& node) { return node.IsScalar() && node.Tag() == "?"; }

template <class Number>
std::optional<Number> whole_number(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

bool in_range(const FieldInfo& info, double value) {
  return value >= info.min && value <= info.max;
}

/// Reads one scalar; the second is a hint when there is no value.
template <class T>
using Read = std::pair<std::optional<T>, std::string>;

Read<bool> read_scalar(const YAML::Node& node, const Field&, const bool*) {
  if (is_plain(node) && node.Scalar() == "true") return {true, ""};
  if (is_plain(node) && node.Scalar() == "false") return {false, ""};
  return {std::nullopt, ""};
}

template <class Number>
Read<Number> read_number(const YAML::Node& node, const FieldInfo& info) {
  if (!node.IsScalar()) return {std::nullopt, ""};
  const auto value = whole_number<Number>(node.Scalar());
  if (!is_plain(node)) return {std::nullopt, value ? " without quotes" : ""};
  if (!value || !in_range(info, static_cast<double>(*value))) return {std::nullopt, ""};
  return {value, ""};
}

Read<std::int64_t> read_scalar(const YAML::Node& node, const Field& field, const std::int64_t*) {
  return read_number<std::int64_t>(node, field.info);
}

Read<double> read_scalar(const YAML::Node& node, const Field& field, const double*) {
  return read_number<double>(node, field.info);
}

Read<std::string> read_scalar(const YAML::Node& node, const Field&, const std::string*) {
  if (node.IsNull()) return {std::nullopt, "; \"\" is the empty text"};
  if (!node.IsScalar()) return {std::nullopt, ""};
  return {node.Scalar(), ""};
}

Read<AnyChoice> read_scalar(const YAML::Node& node, const Field& field, const AnyChoice*) {
  const auto [word, hint] = read_scalar(node, field, static_cast<const std::string*>(nullptr));
  if (!word) return {std::nullopt, hint};
  const auto found = std::find(field.words.begin(), field.words.end(), *word);
  if (found != field.words.end()) {
    return {AnyChoice(static_cast<std::size_t>(found - field.words.begin())), ""};
  }
  const std::string near = core::nearest(*word, words_of(field));
  return {std::nullopt, near.empty() ? "" : core::cat(" (did you mean \"", near, "\"?)")};
}

std::string fault(const YAML::Node& node, const Field& field, const std::string& hint) {
  return core::cat("got ", describe(node), ", wanted ", wanted(field), hint);
}

struct Assign {
  const YAML::Node& node;
  const Field& field;

  std::string operator()(std::monostate) const { return fault(node, field, ""); }

  template <class T>
  std::string operator()(T* slot) const {
    auto [value, hint] = read_scalar(node, field, static_cast<const T*>(nullptr));
    if (!value) return fault(node, field, hint);
    *slot = *std::move(value);
    return "";
  }

  template <class T>
  std::string operator()(std::vector<T>* slot) const {
    if (!node.IsSequence()) {
      return fault(node, field,
                   std::is_same_v<T, std::string> ? ", e.g. [val, testA]" : ", e.g. [1, 2]");
    }
    std::vector<T> values;
    for (const auto& item : node) {
      auto [value, hint] = read_scalar(item, field, static_cast<const T*>(nullptr));
      if (!value) {
        return core::cat("item ", values.size() + 1, ": got ", describe(item), ", wanted ",
                         wanted_item(field), hint);
      }
      values.push_back(*std::move(value));
    }
    *slot = std::move(values);
    return "";
  }
};

}  // namespace

std::string describe(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a section";
  if (!node.IsScalar()) return "nothing";
  const std::string& text = node.Scalar();
  const bool number = whole_number<double>(text).has_value();
  if (is_plain(node) && number) return text;
  // A message is one line, whatever the file holds.
  const std::string shown = double_quoted(text.substr(0, kLongestShown));
  return core::cat(number ? "the text " : "", shown, text.size() > kLongestShown ? "..." : "");
}

std::string assign(const Field& field, const YAML::Node& node) {
  return std::visit(Assign{node, field}, field.slot);
}

}  // namespace pcnet::config
