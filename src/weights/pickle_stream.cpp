#include "pickle_stream.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "pickle_opcodes.h"

namespace pcnet::weights {

using core::cat;

namespace {

constexpr std::size_t kQuoted = 40;  // characters of a faulty text shown in an error

}  // namespace

std::uint8_t PickleStream::next_opcode() {
  start_ = at_;
  if (left() == 0) {
    throw core::Error(
        cat("pickle ", name_, ": it ends at byte ", at_, " without a STOP opcode (cut short?)"));
  }
  opcode_ = static_cast<std::uint8_t>(bytes_[at_++]);
  return opcode_;
}

void PickleStream::fail(const std::string& what) const {
  const char* known = opcode_name(opcode_);
  throw core::Error(cat("pickle ", name_, ": opcode ", known != nullptr ? known : "unknown", " (",
                        static_cast<int>(opcode_), ") at byte ", start_, ": ", what));
}

void PickleStream::refuse() const {
  if (is_code(opcode_)) {
    fail(
        "it would import or call something, only plain data is read: write it again as lists, "
        "dicts, numbers and texts (of NumPy's with int(), float(), tolist())");
  }
  if (opcode_name(opcode_) != nullptr) fail("sets are not read, wanted lists, tuples and dicts");
  fail("there is no such opcode: the file is damaged or no pickle");
}

std::string_view PickleStream::take(std::uint64_t count) {
  if (count > left()) {
    fail(cat("it needs ", count, " more bytes, the file has ", left(), " left (cut short?)"));
  }
  const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
  at_ += taken.size();
  return taken;
}

std::uint64_t PickleStream::take_number(int bytes) {
  const std::string_view raw = take(static_cast<std::uint64_t>(bytes));
  std::uint64_t value = 0;
  for (std::size_t i = raw.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(raw[i]);
  }
  return value;
}

std::int64_t PickleStream::take_long(std::uint64_t bytes) {
  const auto number = take_long_that_fits(bytes);
  if (!number) fail("the integer does not fit in 64 bits");
  return *number;
}

std::optional<std::int64_t> PickleStream::take_long_that_fits(std::uint64_t bytes) {
  const std::string_view raw = take(bytes);
  const bool negative = !raw.empty() && (static_cast<unsigned char>(raw.back()) & 0x80) != 0;
  const unsigned char sign = negative ? 0xff : 0;
  std::uint64_t value = 0;
  for (std::size_t i = std::max<std::size_t>(raw.size(), 8); i-- > 0;) {
    const auto byte = i < raw.size() ? static_cast<unsigned char>(raw[i]) : sign;
    if (i >= 8 && byte != sign) return std::nullopt;
    value = value << 8 | byte;
  }
  const auto result = static_cast<std::int64_t>(value);
  if ((result < 0) != negative) return std::nullopt;
  return result;
}

double PickleStream::take_binary_float() {
  std::uint64_t bits = 0;
  for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
  return std::bit_cast<double>(bits);
}

std::string_view PickleStream::take_line() {
  const std::size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos) fail("its line has no end (cut short?)");
  const std::string_view line = take(end - at_);
  ++at_;
  return line;
}

std::int64_t PickleStream::to_integer(std::string_view text) const {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range) {
    fail(cat("the integer '", text.substr(0, kQuoted), "' does not fit in 64 bits"));
  }
  if (error != std::errc() || stop != end) {
    fail(cat("'", text.substr(0, kQuoted), "' is not an integer"));
  }
  return value;
}

double PickleStream::to_float(std::string_view text) const {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    fail(cat("'", text.substr(0, kQuoted), "' is not a float"));
  }
  return value;
}

}  // namespace pcnet::weights
