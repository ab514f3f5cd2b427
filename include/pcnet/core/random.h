#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace pcnet::core {

/// A small generator (xoshiro256**) with the same numbers on every machine and standard library.
/// Randomness is passed in: a stream is named by its seed and a few coordinates (epoch, position).
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : Rng({seed}) {}
  /// The stream named by these coordinates; different coordinates give unrelated streams.
  Rng(std::initializer_list<std::uint64_t> coordinates);

  /// 64 random bits.
  std::uint64_t next();
  /// A double in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// A double in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// An integer in [0, n), without bias; n >= 1.
  std::uint64_t below(std::uint64_t n);
  /// True with probability p.
  bool chance(double p) { return uniform() < p; }
  /// One of the items, all alike; `items` must not be empty.
  template <class T>
  const T& pick(const std::vector<T>& items) {
    return items[below(items.size())];
  }
  /// Fisher-Yates.
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace pcnet::core
