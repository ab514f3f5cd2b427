#include <bit>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/weights/pickle.h"

namespace pcnet::weights {

namespace {

constexpr int kLargestDepth = 200;

class PickleWriter {
 public:
  std::string write(const PickleValue& value) && {
    put(0x80);
    put(2);
    write_value(value, 0);
    put('.');
    return std::move(out_);
  }

 private:
  void write_value(const PickleValue& value, int depth) {
    if (depth > kLargestDepth) {
      throw core::Error(
          core::cat("cannot write a pickle: the value is nested deeper than ", kLargestDepth));
    }
    std::visit([&](const auto& v) { write_one(v, depth); }, value.value);
  }

  void write_one(PickleValue::None, int) { put('N'); }
  void write_one(bool value, int) { put(value ? 0x88 : 0x89); }

  void write_one(std::int64_t value, int) {
    if (value >= 0 && value <= 0xff) {
      put('K');
      little_endian(static_cast<std::uint64_t>(value), 1);
    } else if (value >= 0 && value <= 0xffff) {
      put('M');
      little_endian(static_cast<std::uint64_t>(value), 2);
    } else if (value >= std::numeric_limits<std::int32_t>::min() &&
               value <= std::numeric_limits<std::int32_t>::max()) {
      put('J');
      little_endian(static_cast<std::uint64_t>(value), 4);
    } else {
      put(0x8a);
      put(8);
      little_endian(static_cast<std::uint64_t>(value), 8);
    }
  }

  void write_one(double value, int) {
    put('G');
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 56; shift >= 0; shift -= 8) put(static_cast<int>((bits >> shift) & 0xff));
  }

  void write_one(const std::string& text, int) { write_text('X', text); }

  // Protocol 2 has no opcode for bytes, only for Python 2's strings.
  void write_one(const PickleValue::Bytes& bytes, int) { write_text('T', bytes.data); }

  void write_one(const std::shared_ptr<PickleValue::List>& list, int depth) {
    if (recall(list)) return;
    put(']');
    remember(list);
    if (list->empty()) return;
    put('(');
    for (const auto& item : *list) write_value(item, depth + 1);
    put('e');
  }

  void write_one(const std::shared_ptr<PickleValue::Dict>& dict, int depth) {
    if (recall(dict)) return;
    put('}');
    remember(dict);
    if (dict->empty()) return;
    put('(');
    for (const auto& [key, item] : *dict) {
      write_value(key, depth + 1);
      write_value(item, depth + 1);
    }
    put('u');
  }

  void write_one(const std::shared_ptr<PickleValue::Tuple>& tuple, int depth) {
    if (recall(tuple)) return;
    const auto& items = tuple->items;
    if (items.size() > 3) put('(');
    for (const auto& item : items) write_value(item, depth + 1);
    constexpr int kOpcodes[] = {')', 0x85, 0x86, 0x87};
    put(items.size() > 3 ? 't' : kOpcodes[items.size()]);
    remember(tuple);
  }

  /// Writes a reference when that very container was written before.
  template <class T>
  bool recall(const std::shared_ptr<T>& container) {
    const auto found = memo_.find(container.get());
    if (found == memo_.end()) return false;
    put('j');
    little_endian(found->second, 4);
    return true;
  }

  template <class T>
  void remember(const std::shared_ptr<T>& container) {
    if (container.use_count() < 2) return;
    const auto index = static_cast<std::uint32_t>(memo_.size());
    memo_.emplace(container.get(), index);
    put('r');
    little_endian(index, 4);
  }

  void write_text(char opcode, const std::string& text) {
    constexpr std::size_t kLargest = std::numeric_limits<std::int32_t>::max();
    if (text.size() > kLargest) {
      throw core::Error(core::cat("cannot write a pickle: a string has ", text.size(),
                                  " bytes, wanted at most ", kLargest));
    }
    put(opcode);
    little_endian(text.size(), 4);
    out_ += text;
  }

  void put(int byte) { out_.push_back(static_cast<char>(byte)); }
  void little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) put(static_cast<int>((value >> (8 * i)) & 0xff));
  }

  std::string out_;
  std::unordered_map<const void*, std::uint32_t> memo_;
};

}  // namespace

std::string write_pickle(const PickleValue& value) { return PickleWriter().write(value); }

}  // namespace pcnet::weights
