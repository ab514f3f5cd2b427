#include "pickle_shape.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "pcnet/core/format.h"

namespace pcnet::weights {

namespace {

using core::cat;

template <class T>
constexpr bool kIsContainer = std::is_same_v<T, std::shared_ptr<PickleValue::List>> ||
                              std::is_same_v<T, std::shared_ptr<PickleValue::Tuple>> ||
                              std::is_same_v<T, std::shared_ptr<PickleValue::Dict>>;

const void* address_of(const PickleValue& value) {
  return std::visit(
      [](const auto& v) -> const void* {
        if constexpr (kIsContainer<std::decay_t<decltype(v)>>) {
          return v.get();
        } else {
          return nullptr;
        }
      },
      value.value);
}

void empty(const PickleValue& container) {
  if (const auto* list = std::get_if<std::shared_ptr<PickleValue::List>>(&container.value)) {
    (*list)->clear();
  } else if (const auto* tuple =
                 std::get_if<std::shared_ptr<PickleValue::Tuple>>(&container.value)) {
    (*tuple)->items.clear();
  } else if (const auto* dict = std::get_if<std::shared_ptr<PickleValue::Dict>>(&container.value)) {
    (*dict)->clear();
  }
}

}  // namespace

PickleArena::~PickleArena() {
  for (const auto& container : made_) {
    if (!accepted_ || !reached_.contains(address_of(container))) empty(container);
  }
}

std::optional<std::string> PickleArena::accept(const PickleValue& root, std::uint64_t most_values) {
  most_values_ = most_values;
  measure(root, 0);
  accepted_ = !fault_;
  return fault_;
}

void PickleArena::add_child(Extent& extent, const PickleValue& child, int depth) {
  if (fault_) return;
  const Extent inner = measure(child, depth + 1);
  extent.height = std::max(extent.height, inner.height + 1);
  extent.values = std::min(extent.values + inner.values, most_values_ + 1);
  if (fault_) return;
  if (extent.values > most_values_) {
    fault_ = cat("its shared parts written out are more than ", most_values_,
                 " values (a reference bomb)");
  } else if (depth + extent.height > kDeepestPickle) {
    fault_ = cat("the value is nested deeper than ", kDeepestPickle);
  }
}

PickleArena::Extent PickleArena::measure(const PickleValue& value, int depth) {
  const void* address = address_of(value);
  if (address == nullptr) return {.open = false, .height = 0, .values = 1};
  if (depth > kDeepestPickle) {
    fault_ = cat("the value is nested deeper than ", kDeepestPickle);
    return {};
  }
  const auto [place, is_new] = reached_.try_emplace(address);
  if (!is_new) {
    if (place->second.open) fault_ = "a list or dict contains itself";
    return place->second;
  }
  Extent extent{.open = false, .height = 0, .values = 1};
  if (const auto* list = std::get_if<std::shared_ptr<PickleValue::List>>(&value.value)) {
    for (const auto& item : **list) add_child(extent, item, depth);
  } else if (const auto* tuple = std::get_if<std::shared_ptr<PickleValue::Tuple>>(&value.value)) {
    for (const auto& item : (*tuple)->items) add_child(extent, item, depth);
  } else if (const auto* dict = std::get_if<std::shared_ptr<PickleValue::Dict>>(&value.value)) {
    for (const auto& [key, item] : **dict) {
      add_child(extent, key, depth);
      add_child(extent, item, depth);
    }
    check_keys(**dict);
  }
  reached_[address] = extent;
  return extent;
}

void PickleArena::check_keys(const PickleValue::Dict& dict) {
  std::unordered_set<std::string> texts;
  std::unordered_set<std::int64_t> numbers;
  for (const auto& pair : dict) {
    const auto& key = pair.first.value;
    if (fault_) return;
    if (const auto* text = std::get_if<std::string>(&key)) {
      if (!texts.insert(*text).second) fault_ = cat("a dict holds the key '", *text, "' twice");
    } else if (const auto* number = std::get_if<std::int64_t>(&key)) {
      if (!numbers.insert(*number).second) fault_ = cat("a dict holds the key ", *number, " twice");
    } else if (std::holds_alternative<std::shared_ptr<PickleValue::List>>(key) ||
               std::holds_alternative<std::shared_ptr<PickleValue::Dict>>(key)) {
      fault_ = "a list or dict is used as a dict's key";
    }
  }
}

}  // namespace pcnet::weights
