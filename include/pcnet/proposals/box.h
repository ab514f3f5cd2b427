#pragma once

#include <cstdint>

namespace pcnet::proposals {

/// Columns x0 to x1 and rows y0 to y1 of a picture.
struct Box {
  std::int64_t x0 = 0;
  std::int64_t y0 = 0;
  std::int64_t x1 = 0;
  std::int64_t y1 = 0;

  bool operator==(const Box&) const = default;
};

}  // namespace pcnet::proposals
