#include "pcnet/data/proposals/proposal_grid.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

namespace {

/// One side of a picture cut into cells. In units of 1 / (pixels * cells) of the side a pixel is
/// `cells` long and a cell `pixels`, so that every overlap is a whole number.
class Side {
 public:
  Side(std::int64_t pixels, std::int64_t cells) : pixels_(pixels), cells_(cells) {
    for (std::int64_t i = 0; i < pixels; ++i) first_.push_back(i * cells / pixels);
  }
  std::int64_t pixels() const { return pixels_; }

  /// Calls `add(cell, overlap)` for the cells that pixels [begin, end) touch.
  template <class Add>
  void spread(std::int64_t begin, std::int64_t end, Add add) const {
    std::int64_t from = begin * cells_;
    const std::int64_t to = end * cells_;
    std::int64_t cell = first_[static_cast<std::size_t>(begin)];
    for (std::int64_t border = (cell + 1) * pixels_; from < to; border += pixels_, ++cell) {
      const std::int64_t next = std::min(border, to);
      add(cell, next - from);
      from = next;
    }
  }

 private:
  std::int64_t pixels_;
  std::int64_t cells_;
  std::vector<std::int64_t> first_;  // the cell that a pixel begins in
};

/// Adds the covered area of each cell [rows x columns]; a cell's own is the picture's.
void add_areas(const image::Rle& rle, const Side& vertical, const Side& horizontal,
               std::int64_t columns, std::vector<std::int64_t>& areas) {
  const auto add_column = [&](std::int64_t x, std::int64_t begin, std::int64_t end) {
    horizontal.spread(x, x + 1, [&](std::int64_t column, std::int64_t wide) {
      vertical.spread(begin, end, [&](std::int64_t row, std::int64_t high) {
        areas[static_cast<std::size_t>(row * columns + column)] += high * wide;
      });
    });
  };
  std::int64_t x = 0;
  std::int64_t y = 0;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    std::int64_t left = rle.counts[i];
    if (i % 2 == 0) {
      y += left;
      x += y / rle.height;
      y %= rle.height;
      continue;
    }
    while (left > 0) {
      const std::int64_t end = std::min(y + left, rle.height);
      add_column(x, y, end);
      left -= end - y;
      y = end;
      if (y < rle.height) continue;
      y = 0;
      ++x;
    }
  }
}

at::Tensor empty_grid(std::int64_t height, std::int64_t width, std::int64_t most) {
  if (height < 1 || width < 1 || most < 1) {
    throw core::Error(core::cat("a proposal grid of ", most, " x ", height, " x ", width,
                                ", wanted sizes from 1"));
  }
  return torch::zeros({most, height, width}, torch::kUInt8);
}

void require_pixels(const image::Rle& rle) {
  const std::int64_t pixels =
      std::accumulate(rle.counts.begin(), rle.counts.end(), std::int64_t{0});
  if (rle.height > 0 && rle.width > 0 && pixels == rle.height * rle.width) return;
  throw core::Error(core::cat("a proposal of ", rle.height, " x ", rle.width, " has runs of ",
                              pixels, " pixels"));
}

/// The pixel that each cell takes, computed as torch does it: in float32.
std::vector<std::int64_t> nearest_pixels(std::int64_t pixels, std::int64_t cells) {
  const float scale = static_cast<float>(pixels) / static_cast<float>(cells);
  std::vector<std::int64_t> taken;
  for (std::int64_t i = 0; i < cells; ++i) {
    const auto at = static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale));
    taken.push_back(std::min(at, pixels - 1));
  }
  return taken;
}

}  // namespace

std::vector<std::size_t> grid_places(const std::vector<image::Rle>& masks, std::int64_t most) {
  std::vector<std::size_t> positions(masks.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  if (static_cast<std::int64_t>(masks.size()) <= most) return positions;
  std::vector<std::int64_t> areas;
  for (const auto& mask : masks) areas.push_back(image::area(mask));
  std::stable_sort(positions.begin(), positions.end(),
                   [&](std::size_t a, std::size_t b) { return areas[a] > areas[b]; });
  positions.resize(static_cast<std::size_t>(most));
  std::sort(positions.begin(), positions.end());
  return positions;
}

at::Tensor to_grid(const std::vector<image::Rle>& masks, std::int64_t height, std::int64_t width,
                   std::int64_t most) {
  at::Tensor grid = empty_grid(height, width, most);
  auto* plane = grid.mutable_data_ptr<std::uint8_t>();
  std::vector<std::int64_t> areas(static_cast<std::size_t>(height * width));
  Side vertical(1, height);
  Side horizontal(1, width);
  for (const std::size_t position : grid_places(masks, most)) {
    const image::Rle& rle = masks[position];
    require_pixels(rle);
    if (vertical.pixels() != rle.height) vertical = Side(rle.height, height);
    if (horizontal.pixels() != rle.width) horizontal = Side(rle.width, width);
    std::fill(areas.begin(), areas.end(), 0);
    add_areas(rle, vertical, horizontal, width, areas);
    const std::int64_t whole = rle.height * rle.width;
    bool any = false;
    for (std::size_t i = 0; i < areas.size(); ++i) {
      plane[i] = 2 * areas[i] >= whole ? 1 : 0;
      any = any || plane[i] == 1;
    }
    const auto fullest = std::max_element(areas.begin(), areas.end());
    if (!any && *fullest > 0) plane[fullest - areas.begin()] = 1;
    plane += areas.size();
  }
  return grid;
}

at::Tensor to_grid_nearest(const std::vector<image::Rle>& masks, std::int64_t height,
                           std::int64_t width, std::int64_t most) {
  at::Tensor grid = empty_grid(height, width, most);
  auto* plane = grid.mutable_data_ptr<std::uint8_t>();
  for (const std::size_t position : grid_places(masks, most)) {
    const image::Rle& rle = masks[position];
    require_pixels(rle);
    const auto rows = nearest_pixels(rle.height, height);
    const auto columns = nearest_pixels(rle.width, width);
    std::size_t run = 0;
    std::int64_t end = rle.counts[0];  // of that run
    std::size_t before = 0;            // the last column's, to go back to when it is taken again
    std::int64_t end_before = end;
    for (std::size_t column = 0; column < columns.size(); ++column) {
      if (column > 0 && columns[column] == columns[column - 1]) {
        run = before;
        end = end_before;
      }
      before = run;
      end_before = end;
      for (std::size_t row = 0; row < rows.size(); ++row) {
        const std::int64_t pixel = columns[column] * rle.height + rows[row];
        while (pixel >= end) end += rle.counts[++run];
        plane[row * columns.size() + column] = run % 2 == 1 ? 1 : 0;
      }
    }
    plane += height * width;
  }
  return grid;
}

}  // namespace pcnet::data
