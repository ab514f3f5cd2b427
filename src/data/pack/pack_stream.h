#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pcnet::data {

/// Numbers and texts one after the other: what the sections of a pack are written with. A number is
/// little-endian base 128; a signed one has its sign in the lowest bit.
class RecordWriter {
 public:
  void number(std::uint64_t value);
  void whole(std::int64_t value);
  void real(double value);
  void text(std::string_view value);
  void raw(std::string_view bytes) { bytes_ += bytes; }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads them back. Error when the bytes end too early or hold no such number.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number();
  std::int64_t whole();
  double real();
  std::string_view text() { return raw(number()); }
  /// The next so many bytes.
  std::string_view raw(std::uint64_t bytes);
  /// The number of entries that follow, each of at least `least` bytes: Error when they cannot fit,
  /// so that a broken count asks for no memory.
  std::size_t count(std::size_t least);

  std::size_t place() const { return at_; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace pcnet::data
