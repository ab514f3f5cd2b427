#pragma once

#include <cstdint>
#include <string_view>

namespace pcnet::image {

/// TIFF's numbers, in the byte order that its first two letters name; 0 beyond the end.
class TiffNumbers {
 public:
  explicit TiffNumbers(std::string_view data) : data_(data), big_(data.starts_with("MM")) {}

  std::uint32_t at(std::size_t offset, std::size_t bytes) const {
    if (offset > data_.size() || data_.size() - offset < bytes) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t place = big_ ? offset + i : offset + bytes - 1 - i;
      value = value << 8 | static_cast<unsigned char>(data_[place]);
    }
    return value;
  }

 private:
  std::string_view data_;
  bool big_;
};

}  // namespace pcnet::image
