#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pcnet::weights {

/// A pickle's bytes, read from front to back. Every fault is an Error that names the file, the
/// opcode being run and its offset.
class PickleStream {
 public:
  PickleStream(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  /// Starts the next instruction.
  std::uint8_t next_opcode();
  [[noreturn]] void fail(const std::string& what) const;
  /// Fails for an opcode that the reader does not run, saying why.
  [[noreturn]] void refuse() const;

  std::size_t left() const { return bytes_.size() - at_; }
  std::string_view take(std::uint64_t count);
  /// A little-endian unsigned number.
  std::uint64_t take_number(int bytes);
  /// A little-endian number in two's complement of any length.
  std::int64_t take_long(std::uint64_t bytes);
  /// The same; none when it does not fit in 64 bits.
  std::optional<std::int64_t> take_long_that_fits(std::uint64_t bytes);
  double take_binary_float();
  std::string_view take_line();
  std::int64_t to_integer(std::string_view text) const;
  double to_float(std::string_view text) const;

 private:
  std::string_view bytes_;
  std::string_view name_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;
  std::uint8_t opcode_ = 0;
};

}  // namespace pcnet::weights
