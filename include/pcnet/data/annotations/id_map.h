#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pcnet::data {

/// Places in a list by id. Ids that come in ascending order, as they do in most files, are neither
/// hashed nor allocated one by one.
class IdMap {
 public:
  void reserve(std::size_t count) { ascending_.reserve(count); }

  /// False, and nothing happens, when the id is there already.
  bool emplace(std::int64_t id, std::size_t place) {
    if (ascending_.empty() || id > ascending_.back().first) {
      if (others_.contains(id)) return false;
      ascending_.emplace_back(id, place);
      return true;
    }
    return find(id) == nullptr && others_.emplace(id, place).second;
  }

  /// Null for an id that is not there.
  const std::size_t* find(std::int64_t id) const {
    const auto at = std::lower_bound(ascending_.begin(), ascending_.end(), id,
                                     [](const auto& entry, auto key) { return entry.first < key; });
    if (at != ascending_.end() && at->first == id) return &at->second;
    const auto other = others_.find(id);
    return other == others_.end() ? nullptr : &other->second;
  }

 private:
  std::vector<std::pair<std::int64_t, std::size_t>> ascending_;
  std::unordered_map<std::int64_t, std::size_t> others_;
};

}  // namespace pcnet::data
