#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "pcnet/weights/pickle.h"

namespace pcnet::weights {

constexpr int kDeepestPickle = 200;

/// Every list, tuple and dict a stream makes. What the result does not reach is emptied one by one
/// at the end, so neither cycles nor deep nesting can leak memory or exhaust the call stack.
class PickleArena {
 public:
  PickleArena() = default;
  ~PickleArena();
  PickleArena(const PickleArena&) = delete;
  PickleArena& operator=(const PickleArena&) = delete;

  template <class T>
  PickleValue make(T content) {
    PickleValue value(std::move(content));
    made_.push_back(value);
    return value;
  }

  /// What is wrong with `root` as a finished value: a cycle, deeper than kDeepestPickle, more than
  /// `most_values` when shared parts are written out, a duplicate or unhashable key. None if fine,
  /// and then `root` stays whole.
  std::optional<std::string> accept(const PickleValue& root, std::uint64_t most_values);

 private:
  struct Extent {
    bool open = true;  ///< it is being measured: met again, it contains itself
    int height = 0;
    std::uint64_t values = 0;
  };
  Extent measure(const PickleValue& value, int depth);
  void add_child(Extent& extent, const PickleValue& child, int depth);
  void check_keys(const PickleValue::Dict& dict);

  std::vector<PickleValue> made_;
  std::unordered_map<const void*, Extent> reached_;
  bool accepted_ = false;
  std::uint64_t most_values_ = 0;
  std::optional<std::string> fault_;
};

}  // namespace pcnet::weights
