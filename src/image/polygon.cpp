#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/rle.h"

namespace pcnet::image {

namespace {

using core::cat;
using core::Error;

// COCO draws the outline on a grid five times finer and samples it at the middle of each column.
constexpr double kScale = 5;
// Far beyond any picture; keeps the walk along an edge short and its integers small.
constexpr double kLargestCoordinate = 1e6;

struct GridPoint {
  int x = 0;
  int y = 0;
};

void check_polygon(std::span<const double> xy, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1 || height > INT32_MAX / width) {
    throw Error(cat("a polygon cannot be drawn into a mask of height ", height, " and width ",
                    width, ": wanted sizes from 1 whose product is below 2^31"));
  }
  if (xy.size() < 6 || xy.size() % 2 != 0) {
    throw Error(cat("a polygon has ", xy.size(),
                    " numbers, wanted an even count of at least 6 (x0, y0, x1, y1, x2, y2, ...)"));
  }
  for (std::size_t i = 0; i < xy.size(); ++i) {
    if (std::abs(xy[i]) <= kLargestCoordinate) continue;
    throw Error(cat("polygon: number ", i, " is ", xy[i],
                    ", wanted a finite coordinate of at most ", kLargestCoordinate, " pixels"));
  }
}

/// Collects, column by column, the rows where the outline crosses the column's middle.
class Crossings {
 public:
  Crossings(std::int64_t height, std::int64_t width) : height_(height), width_(width) {}

  /// The next point of the dense outline.
  void visit(GridPoint point) {
    if (started_ && point.x != last_.x) cross(last_, point);
    last_ = point;
    started_ = true;
  }

  /// Positions (column x height + row) in the order of the columns.
  std::vector<std::uint32_t> sorted() && {
    std::sort(positions_.begin(), positions_.end());
    return std::move(positions_);
  }

 private:
  void cross(GridPoint from, GridPoint to) {
    const double column = ((to.x < from.x ? to.x : to.x - 1) + 0.5) / kScale - 0.5;
    if (std::floor(column) != column || column < 0 || column > static_cast<double>(width_ - 1)) {
      return;
    }
    const double exact = (std::min(from.y, to.y) + 0.5) / kScale - 0.5;
    const double row = std::ceil(std::clamp(exact, 0.0, static_cast<double>(height_)));
    positions_.push_back(static_cast<std::uint32_t>(static_cast<std::int64_t>(column) * height_ +
                                                    static_cast<std::int64_t>(row)));
  }

  std::int64_t height_;
  std::int64_t width_;
  bool started_ = false;
  GridPoint last_;
  std::vector<std::uint32_t> positions_;
};

/// Walks the grid points of one edge. It is computed from its lower end along the longer axis
/// whatever its direction, so that an edge shared by two polygons has the same points in both.
void walk_edge(GridPoint from, GridPoint to, Crossings& crossings) {
  const int dx = std::abs(to.x - from.x);
  const int dy = std::abs(to.y - from.y);
  const bool along_x = dx >= dy;
  const bool flip = along_x ? from.x > to.x : from.y > to.y;
  if (flip) std::swap(from, to);
  const int length = std::max(dx, dy);
  const int rise = along_x ? to.y - from.y : to.x - from.x;
  const double slope = length == 0 ? 0.0 : static_cast<double>(rise) / length;
  for (int i = 0; i <= length; ++i) {
    const int t = flip ? length - i : i;
    // The truncation towards zero, also left of the picture, is COCO's.
    if (along_x) {
      crossings.visit({from.x + t, static_cast<int>(from.y + slope * t + 0.5)});
    } else {
      crossings.visit({static_cast<int>(from.x + slope * t + 0.5), from.y + t});
    }
  }
}

/// Run lengths from sorted positions; two equal ones cancel each other.
std::vector<std::uint32_t> runs_between(const std::vector<std::uint32_t>& positions) {
  std::vector<std::uint32_t> runs = {positions[0]};
  for (std::size_t i = 1; i < positions.size(); ++i) {
    const std::uint32_t run = positions[i] - positions[i - 1];
    if (run > 0) {
      runs.push_back(run);
    } else if (++i < positions.size()) {
      runs.back() += positions[i] - positions[i - 1];
    }
  }
  return runs;
}

}  // namespace

Rle from_polygon(std::span<const double> xy, std::int64_t height, std::int64_t width) {
  check_polygon(xy, height, width);
  const std::size_t points = xy.size() / 2;
  const auto grid = [&](std::size_t i) {
    return GridPoint{static_cast<int>(kScale * xy[2 * i] + 0.5),
                     static_cast<int>(kScale * xy[2 * i + 1] + 0.5)};
  };
  Crossings crossings(height, width);
  for (std::size_t i = 0; i < points; ++i) {
    walk_edge(grid(i), grid(i + 1 < points ? i + 1 : 0), crossings);
  }
  std::vector<std::uint32_t> positions = std::move(crossings).sorted();
  positions.push_back(static_cast<std::uint32_t>(height * width));
  return {height, width, runs_between(positions)};
}

}  // namespace pcnet::image
