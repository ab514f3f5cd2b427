#include "bpe_merges.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <queue>
#include <unordered_map>

#include <zlib.h>

#include "pcnet/core/error.h"

#include "embedded.h"
#include "unicode.h"

namespace pcnet::text {

namespace {

constexpr std::size_t kSlots = 1U << 17U;
constexpr std::int32_t kNoMerge = std::numeric_limits<std::int32_t>::max();

/// CLIP writes bytes as printable characters: those that are printable in Latin-1 as themselves,
/// the others as U+0100 and on. Its ids count the printable ones first.
struct ByteTable {
  std::array<unsigned char, 256> byte_of_id{};
  std::array<std::int32_t, 256> id_of_byte{};
  std::array<char32_t, 256> character_of_id{};
};

ByteTable make_byte_table() {
  ByteTable table;
  std::size_t id = 0;
  const auto add = [&](std::size_t byte, char32_t character) {
    table.byte_of_id.at(id) = static_cast<unsigned char>(byte);
    table.id_of_byte.at(byte) = static_cast<std::int32_t>(id);
    table.character_of_id.at(id) = character;
    ++id;
  };
  const auto printable = [](std::size_t byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  };
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (printable(byte)) add(byte, static_cast<char32_t>(byte));
  }
  char32_t next = 0x100;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (!printable(byte)) add(byte, next++);
  }
  return table;
}

const ByteTable& byte_table() {
  static const ByteTable kTable = make_byte_table();
  return kTable;
}

[[noreturn]] void fail_damaged() {
  throw core::Error("the tokenizer's table inside of this program is damaged: build it again");
}

/// The first `lines` lines of a gzip file. CLIP's has five times as many as are used.
std::string gunzip_lines(std::string_view packed, std::ptrdiff_t lines) {
  std::string input(packed);  // zlib wants it writable
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) {
    throw core::Error("not enough memory to unpack the tokenizer's table");
  }
  constexpr std::size_t kChunk = 1U << 16U;
  std::string text;
  std::ptrdiff_t found = 0;
  int status = Z_OK;
  while (status == Z_OK && found < lines) {
    const std::size_t size = text.size();
    text.resize(size + kChunk);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + size);
    stream.avail_out = static_cast<uInt>(kChunk);
    status = inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
    found += std::count(text.begin() + static_cast<std::ptrdiff_t>(size), text.end(), '\n');
  }
  inflateEnd(&stream);
  if (found < lines) fail_damaged();
  return text;
}

std::string_view take_line(std::string_view& lines) {
  const std::string_view line = lines.substr(0, lines.find('\n'));
  lines.remove_prefix(std::min(line.size() + 1, lines.size()));
  return line;
}

std::uint64_t key(std::int32_t left, std::int32_t right) {
  return 1ULL << 63U | static_cast<std::uint64_t>(left) << 20U | static_cast<std::uint64_t>(right);
}

}  // namespace

BpeMerges::BpeMerges() : slots_(kSlots) {
  add_merges(gunzip_lines(embedded_clip_merges(), kMerges + 1));
}

std::size_t BpeMerges::slot_of(std::uint64_t pair) const {
  std::size_t at = (pair * 0x9E3779B97F4A7C15ULL) >> 47U;  // 17 bits
  while (slots_[at].pair != 0 && slots_[at].pair != pair) at = (at + 1) % kSlots;
  return at;
}

std::int32_t BpeMerges::merged(std::int32_t left, std::int32_t right) const {
  const Slot& slot = slots_[slot_of(key(left, right))];
  return slot.pair == 0 ? kNoMerge : slot.merged;
}

// A line a merge: two strings of the vocabulary with a space between them. The first line is a
// title, and CLIP uses only the first kMerges of the rest.
void BpeMerges::add_merges(std::string_view lines) {
  std::unordered_map<std::string_view, std::int32_t> ids;
  ids.reserve(kSize);
  std::string spellings;  // what `ids` looks at
  spellings.reserve(lines.size() + 8 * kFirstMerge);
  const auto add = [&](std::string_view first, std::string_view second, std::int32_t id) {
    const std::size_t start = spellings.size();
    spellings.append(first).append(second);
    ids.emplace(std::string_view(spellings).substr(start), id);
  };
  for (std::int32_t id = 0; id < kBytes; ++id) {
    std::string character;
    append_utf8(character, byte_table().character_of_id.at(static_cast<std::size_t>(id)));
    add(character, "", id);
    add(character, kWordEnd, id + kBytes);
  }
  take_line(lines);
  parts_.reserve(kMerges);
  for (std::int32_t id = kFirstMerge; id < kStart; ++id) {
    const std::string_view line = take_line(lines);
    const std::size_t space = std::min(line.find(' '), line.size() - 1);
    const auto left = ids.find(line.substr(0, space));
    const auto right = ids.find(line.substr(space + 1));
    if (left == ids.end() || right == ids.end()) fail_damaged();
    parts_.emplace_back(left->second, right->second);
    const std::uint64_t pair = key(left->second, right->second);
    slots_[slot_of(pair)] = {.pair = pair, .merged = id};
    add(left->first, right->first, id);
  }
}

// The word is a linked list of symbols. A heap holds its pairs by rank, then from left to right; a
// pair whose symbols have changed since it came in is passed over. Every symbol is made by one
// merge only, and the merges that use it have higher ranks, so this is CLIP's order.
std::vector<std::int32_t> BpeMerges::split_word(std::string_view word) const {
  const auto size = static_cast<std::int32_t>(word.size());
  std::vector<std::int32_t> symbols;
  symbols.reserve(word.size());
  for (const char c : word) {
    symbols.push_back(byte_table().id_of_byte.at(static_cast<unsigned char>(c)));
  }
  symbols.back() += kBytes;
  std::vector<std::int32_t> next(word.size());
  std::vector<std::int32_t> previous(word.size());
  using Candidate = std::pair<std::int32_t, std::int32_t>;  // merged id, place of its left symbol
  std::vector<Candidate> heap;
  const auto at = [](std::vector<std::int32_t>& list, std::int32_t i) -> std::int32_t& {
    return list[static_cast<std::size_t>(i)];
  };
  const auto candidate = [&](std::int32_t left) {
    const std::int32_t right = at(next, left);
    return right < size ? merged(at(symbols, left), at(symbols, right)) : kNoMerge;
  };
  for (std::int32_t i = 0; i < size; ++i) {
    at(next, i) = i + 1;
    at(previous, i) = i - 1;
    if (const std::int32_t id = candidate(i); id != kNoMerge) heap.emplace_back(id, i);
  }
  std::priority_queue pairs(std::greater<Candidate>(), std::move(heap));
  constexpr std::int32_t kGone = -1;
  while (!pairs.empty()) {
    const auto [id, left] = pairs.top();
    pairs.pop();
    if (at(symbols, left) == kGone || candidate(left) != id) continue;
    const std::int32_t right = at(next, left);
    at(symbols, left) = id;
    at(symbols, right) = kGone;
    at(next, left) = at(next, right);
    if (at(next, left) < size) at(previous, at(next, left)) = left;
    if (const std::int32_t after = candidate(left); after != kNoMerge) pairs.emplace(after, left);
    const std::int32_t before = at(previous, left);
    if (before < 0) continue;
    if (const std::int32_t with = candidate(before); with != kNoMerge) pairs.emplace(with, before);
  }
  std::erase(symbols, kGone);
  return symbols;
}

std::string BpeMerges::spell(std::int32_t id) const {
  if (id >= kFirstMerge) {
    const auto& [left, right] = parts_[static_cast<std::size_t>(id - kFirstMerge)];
    return spell(left) + spell(right);
  }
  const unsigned char byte = byte_table().byte_of_id.at(static_cast<std::size_t>(id % kBytes));
  std::string bytes(1, static_cast<char>(byte));
  if (id >= kBytes) bytes += kWordEnd;
  return bytes;
}

}  // namespace pcnet::text
