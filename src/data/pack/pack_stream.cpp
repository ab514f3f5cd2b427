#include "pack_stream.h"

#include <bit>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

using core::cat;
using core::Error;

void RecordWriter::number(std::uint64_t value) {
  for (; value >= 128; value >>= 7U) bytes_.push_back(static_cast<char>(value | 128U));
  bytes_.push_back(static_cast<char>(value));
}

void RecordWriter::whole(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  number(value < 0 ? ~(bits << 1U) : bits << 1U);
}

void RecordWriter::real(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes_.push_back(static_cast<char>(bits >> shift));
  }
}

void RecordWriter::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
}

std::uint64_t RecordReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == bytes_.size()) throw Error(cat("it ends inside a number at byte ", at_));
    const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
    value |= static_cast<std::uint64_t>(byte & 127U) << shift;
    if (byte < 128) return value;
  }
  throw Error(cat("the number before byte ", at_, " is too long"));
}

std::int64_t RecordReader::whole() {
  const std::uint64_t bits = number();
  const std::uint64_t half = bits >> 1U;
  return static_cast<std::int64_t>((bits & 1U) != 0 ? ~half : half);
}

double RecordReader::real() {
  std::uint64_t bits = 0;
  for (const char byte : raw(8)) {
    bits = bits >> 8U | static_cast<std::uint64_t>(static_cast<std::uint8_t>(byte)) << 56U;
  }
  return std::bit_cast<double>(bits);
}

std::string_view RecordReader::raw(std::uint64_t bytes) {
  if (bytes > bytes_.size() - at_) {
    throw Error(cat("it ends at byte ", bytes_.size(), ", ", bytes, " bytes from byte ", at_,
                    " were wanted"));
  }
  const std::string_view out = bytes_.substr(at_, bytes);
  at_ += bytes;
  return out;
}

std::size_t RecordReader::count(std::size_t least) {
  const std::uint64_t entries = number();
  if (entries > (bytes_.size() - at_) / least) {
    throw Error(cat("it says that ", entries, " entries follow byte ", at_, ", there are ",
                    bytes_.size() - at_, " bytes"));
  }
  return entries;
}

}  // namespace pcnet::data
