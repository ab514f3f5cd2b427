#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pcnet::weights {

/// A Python value as a pickle holds it. Lists, tuples and dicts keep their order.
struct PickleValue {
  struct None {
    bool operator==(const None&) const = default;
  };
  struct Bytes {
    std::string data;
  };
  using List = std::vector<PickleValue>;
  struct Tuple {
    List items;
  };
  /// Pairs in insertion order.
  using Dict = std::vector<std::pair<PickleValue, PickleValue>>;

  std::variant<None, bool, std::int64_t, double, std::string, Bytes, std::shared_ptr<List>,
               std::shared_ptr<Tuple>, std::shared_ptr<Dict>>
      value;

  PickleValue() = default;
  PickleValue(bool b) : value(b) {}
  PickleValue(int i) : value(static_cast<std::int64_t>(i)) {}
  PickleValue(std::int64_t i) : value(i) {}
  PickleValue(double d) : value(d) {}
  PickleValue(const char* s) : value(std::string(s)) {}
  PickleValue(std::string s) : value(std::move(s)) {}
  PickleValue(List list) : value(std::make_shared<List>(std::move(list))) {}
  PickleValue(Tuple tuple) : value(std::make_shared<Tuple>(std::move(tuple))) {}
  PickleValue(Dict dict) : value(std::make_shared<Dict>(std::move(dict))) {}
};

/// The text of a str, or of bytes, which a pickle of Python 2 is full of when it was read with
/// encoding="bytes" and written again: UTF-8 where they are, else Latin-1. None for other values.
std::optional<std::string> pickle_text(const PickleValue& value);

/// "a text", "a whole number": what a value is, for messages.
std::string pickle_kind(const PickleValue& value);

/// Reads a pickle of plain data (None, bool, int, float, str, bytes, list, tuple, dict), protocols
/// 0 to 5. Byte strings of Python 2 become str: UTF-8 where they are, else Latin-1. An opcode that
/// would import or call something, a damaged stream, nesting deeper than 200 or a reference bomb is
/// an Error that names the opcode and its offset. `name` names the file in errors.
PickleValue read_pickle(std::string_view bytes, std::string_view name);

/// Writes plain data as a pickle of protocol 2, readable by Python 2 and 3.
std::string write_pickle(const PickleValue& value);

}  // namespace pcnet::weights
