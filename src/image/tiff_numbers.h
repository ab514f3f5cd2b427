#pragma once

#include <cstdint>
#include <string_view>

#include "byte_order.h"

namespace pcnet::image {

/// TIFF's numbers, in the byte order that its first two letters name; 0 beyond the end.
class TiffNumbers {
 public:
  explicit TiffNumbers(std::string_view data) : data_(data), big_(data.starts_with("MM")) {}

  std::uint32_t at(std::size_t offset, std::size_t bytes) const {
    if (offset > data_.size() || data_.size() - offset < bytes) return 0;
    const std::string_view number = data_.substr(offset, bytes);
    return big_ ? big_endian(number) : little_endian(number);
  }

 private:
  std::string_view data_;
  bool big_;
};

}  // namespace pcnet::image
