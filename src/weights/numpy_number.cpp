#include "numpy_number.h"

#include <bit>

namespace pcnet::weights {

namespace {

/// Two's complement of so many bytes.
std::int64_t extend_sign(std::uint64_t value, std::size_t bytes) {
  const auto unused = static_cast<int>(64 - 8 * bytes);
  return static_cast<std::int64_t>(value << unused) >> unused;
}

}  // namespace

std::optional<PickleValue> numpy_number(std::string_view dtype, std::string_view bytes) {
  std::uint64_t value = 0;
  if (bytes.empty() || bytes.size() > sizeof value) return std::nullopt;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  const auto is = [&](std::string_view name, std::size_t size) {
    return dtype == name && bytes.size() == size;
  };
  if (is("numpy.f8", 8)) return std::bit_cast<double>(value);
  if (is("numpy.f4", 4)) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(value)));
  }
  if (is("numpy.b1", 1)) return value != 0;
  if (is("numpy.i8", 8) || is("numpy.i4", 4) || is("numpy.i2", 2) || is("numpy.i1", 1)) {
    return extend_sign(value, bytes.size());
  }
  if (is("numpy.u4", 4) || is("numpy.u2", 2) || is("numpy.u1", 1)) {
    return static_cast<std::int64_t>(value);
  }
  return std::nullopt;
}

std::optional<std::string> latin1_bytes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      out.push_back(text[i]);
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
      const auto tail = static_cast<unsigned char>(text[++i]);
      out.push_back(static_cast<char>((byte & 3) << 6 | (tail & 0x3f)));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace pcnet::weights
