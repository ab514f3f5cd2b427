#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "pcnet/config/choice.h"
#include "pcnet/config/config.h"
#include "pcnet/config/field.h"

namespace pcnet::config {

/// Where the value of a key lives; monostate for a section, which has no value of its own.
using Slot = std::variant<std::monostate, bool*, std::int64_t*, double*, std::string*,
                          std::vector<std::int64_t>*, std::vector<double>*,
                          std::vector<std::string>*, AnyChoice*>;

/// One key of a Config object.
struct Field {
  std::string key;  ///< dotted
  FieldInfo info;
  Slot slot;
  std::span<const std::string_view> words = {};  ///< the only ones allowed: a choice has some

  bool is_section() const { return std::holds_alternative<std::monostate>(slot); }
};

/// The word that a choice is.
std::string word_of(const Field& field, const AnyChoice& choice);

/// All words of a choice.
std::vector<std::string> words_of(const Field& field);

/// Every section and key of `config` in declaration order, a section before its keys. The fields
/// point into `config`.
std::vector<Field> bind(Config& config);

/// "integer", "number", "text", "yes/no", "list of integers", ...
std::string type_name(const Field& field);

/// ">= 1", "0 to 1", "one of a, b", or empty.
std::string range_text(const Field& field);

/// What a value must be, for a message: "an integer >= 1", "one of a, b".
std::string wanted(const Field& field);

/// The same for one item of a list.
std::string wanted_item(const Field& field);

/// The value as YAML on one line, such that reading it gives the value back exactly.
std::string value_text(const Field& field);

/// `text` as a YAML scalar that every reader takes for text.
std::string quoted_if_needed(const std::string& text);

/// `text` in double quotes on one line, with escapes.
std::string double_quoted(const std::string& text);

/// The shortest digits that read back as `value`.
std::string shortest(double value);

}  // namespace pcnet::config
