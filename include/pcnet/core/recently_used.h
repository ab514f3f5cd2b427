#pragma once

#include <cstdint>
#include <iterator>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace pcnet::core {

/// What was asked for last, up to so many bytes. For one thread at a time.
template <class Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(std::int64_t most_bytes) : most_bytes_(most_bytes) {}

  /// Null for what is not, or no longer, here; good until the next keep().
  const Value* find(const std::string& name) {
    const auto place = places_.find(name);
    if (place == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, place->second);
    return &entries_.front().value;
  }

  /// In the place of what is here under this name. Those that were not asked for for longest go
  /// first, this one too where it alone is too large.
  void keep(const std::string& name, Value value, std::int64_t bytes) {
    if (const auto place = places_.find(name); place != places_.end()) forget(place->second);
    entries_.push_front({name, std::move(value), bytes});
    bytes_ += bytes;
    places_[name] = entries_.begin();
    while (bytes_ > most_bytes_) forget(std::prev(entries_.end()));
  }

  std::int64_t bytes() const { return bytes_; }
  std::int64_t count() const { return static_cast<std::int64_t>(entries_.size()); }

 private:
  struct Entry {
    std::string name;
    Value value;
    std::int64_t bytes;
  };

  void forget(typename std::list<Entry>::iterator entry) {
    bytes_ -= entry->bytes;
    places_.erase(entry->name);
    entries_.erase(entry);
  }

  std::int64_t most_bytes_;
  std::list<Entry> entries_;  // the last one asked for first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> places_;
  std::int64_t bytes_ = 0;
};

}  // namespace pcnet::core
