#include "pcnet/core/random.h"

namespace pcnet::core {

namespace {

std::uint64_t rotate_left(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

// splitmix64: spreads a counter or a coordinate over 64 bits.
std::uint64_t mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::initializer_list<std::uint64_t> coordinates) : state_{} {
  std::uint64_t seed = 0;
  for (const std::uint64_t coordinate : coordinates) {
    seed ^= coordinate;
    seed = mix(seed);
  }
  for (auto& word : state_) word = mix(seed);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t n) {
  const std::uint64_t limit = (0 - n) % n;  // 2^64 mod n: values under it would be over-counted
  std::uint64_t value = next();
  while (value < limit) value = next();
  return value % n;
}

}  // namespace pcnet::core
