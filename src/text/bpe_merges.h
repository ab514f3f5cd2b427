#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pcnet::text {

constexpr std::string_view kWordEnd = "</w>";  ///< behind the last letter of a word

/// CLIP's vocabulary and its merges. Ids: 256 bytes, the same bytes at a word's end, then one for
/// each merge in order of rank, then the start and the end token.
class BpeMerges {
 public:
  static constexpr std::int32_t kBytes = 256;
  static constexpr std::int32_t kMerges = 48894;
  static constexpr std::int32_t kFirstMerge = 2 * kBytes;
  static constexpr std::int32_t kStart = kFirstMerge + kMerges;
  static constexpr std::int32_t kEnd = kStart + 1;
  static constexpr std::int32_t kSize = kEnd + 1;

  /// Unpacks the table that is a part of the program.
  BpeMerges();

  /// The ids of one non-empty word: its bytes, neighbours merged by the lowest rank first.
  std::vector<std::int32_t> split_word(std::string_view word) const;

  /// The bytes of an id below kStart, "</w>" behind the last of a word.
  std::string spell(std::int32_t id) const;

 private:
  struct Slot {
    std::uint64_t pair = 0;  // both ids and one bit that is never 0
    std::int32_t merged = 0;
  };

  std::size_t slot_of(std::uint64_t pair) const;
  /// The id that the pair merges to, the lower the earlier, or kNoMerge.
  std::int32_t merged(std::int32_t left, std::int32_t right) const;
  void add_merges(std::string_view lines);

  std::vector<std::pair<std::int32_t, std::int32_t>> parts_;  // by id - kFirstMerge
  std::vector<Slot> slots_;                                   // a hash table of the pairs
};

}  // namespace pcnet::text
