#include "pcnet/image/rle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::image {

namespace {

using core::cat;
using core::Error;

/// h x w, after checking that a run can hold it.
std::uint64_t pixel_count(std::int64_t height, std::int64_t width) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  const bool fits = height >= 0 && width >= 0 && (width == 0 || height <= kLargest / width);
  if (!fits) {
    throw Error(cat("a run-length mask of height ", height, " and width ", width,
                    " is not possible: wanted sizes from 0 whose product is below 2^32"));
  }
  return static_cast<std::uint64_t>(height) * static_cast<std::uint64_t>(width);
}

void check_runs(const Rle& rle) {
  const std::uint64_t wanted = pixel_count(rle.height, rle.width);
  std::uint64_t sum = 0;
  for (const std::uint32_t run : rle.counts) sum += run;
  if (sum != wanted) {
    throw Error(cat("run-length mask: its runs sum to ", sum,
                    ", wanted height x width = ", rle.height, " x ", rle.width, " = ", wanted));
  }
}

void check_same_size(const Rle& a, const Rle& b) {
  if (a.height == b.height && a.width == b.width) return;
  throw Error(cat("run-length masks of different sizes cannot be combined: ", a.height, " x ",
                  a.width, " and ", b.height, " x ", b.width));
}

/// Walks the runs of a mask in step with another one.
class RunCursor {
 public:
  explicit RunCursor(const std::vector<std::uint32_t>& counts) : counts_(counts) {
    if (!counts_.empty()) left_ = counts_[next_++];
  }
  std::uint32_t left() const { return left_; }
  bool value() const { return value_; }
  void advance(std::uint32_t pixels) {
    left_ -= pixels;
    if (left_ == 0 && next_ < counts_.size()) {
      left_ = counts_[next_++];
      value_ = !value_;
    }
  }

 private:
  const std::vector<std::uint32_t>& counts_;
  std::size_t next_ = 0;
  std::uint32_t left_ = 0;
  bool value_ = false;
};

/// Both masks have runs that fill `pixels`.
std::vector<std::uint32_t> merge_runs(const std::vector<std::uint32_t>& a,
                                      const std::vector<std::uint32_t>& b, std::uint64_t pixels,
                                      bool intersect) {
  RunCursor left(a);
  RunCursor right(b);
  std::vector<std::uint32_t> merged;
  std::uint64_t done = 0;
  std::uint32_t run = 0;
  bool value = false;
  for (;;) {
    const std::uint32_t step = std::min(left.left(), right.left());
    run += step;
    done += step;
    left.advance(step);
    right.advance(step);
    const bool before = value;
    value = intersect ? left.value() && right.value() : left.value() || right.value();
    if (value != before || done == pixels) {
      merged.push_back(run);
      run = 0;
    }
    if (done == pixels) return merged;
  }
}

/// One signed number of COCO's string; `at` moves past it.
std::int64_t read_group(std::string_view text, std::size_t& at) {
  const std::size_t start = at;
  std::int64_t value = 0;
  for (int shift = 0;; shift += 5) {
    if (at == text.size()) {
      throw Error(cat("COCO mask string: it ends inside the number that starts at character ",
                      start, " (cut short?)"));
    }
    const int code = static_cast<unsigned char>(text[at]) - '0';
    if (code < 0 || code > 63) {
      throw Error(cat("COCO mask string: character ", at, " has the code ", code + '0',
                      ", wanted one of '0' (48) to 'o' (111)"));
    }
    if (shift > 30) {
      throw Error(cat("COCO mask string: the number that starts at character ", start,
                      " is longer than 7 characters, no 32-bit run needs that"));
    }
    ++at;
    value |= static_cast<std::int64_t>(code & 0x1f) << shift;
    if ((code & 0x20) != 0) continue;
    if ((code & 0x10) != 0) value -= std::int64_t{1} << (shift + 5);
    return value;
  }
}

constexpr std::int64_t kColumns = 8;  // that a word holds
using ColumnChanges = std::array<std::vector<std::uint32_t>, kColumns>;

/// The rows from 1 in which columns x, x + 1, .. have another value than in the row before.
void find_changes(const Mask& mask, std::int64_t x, ColumnChanges& changes) {
  for (auto& rows : changes) rows.clear();
  const auto columns = static_cast<std::size_t>(std::min(kColumns, mask.width - x));
  const auto word_of = [&](std::int64_t y) {
    std::uint64_t word = 0;
    std::memcpy(&word, &mask.data[static_cast<std::size_t>(y * mask.width + x)], columns);
    return word;
  };
  std::uint64_t above = word_of(0);
  for (std::int64_t y = 1; y < mask.height; ++y) {
    const std::uint64_t word = word_of(y);
    if (word == above) continue;
    above = word;
    for (std::size_t i = 0; i < columns; ++i) {
      const auto at = x + static_cast<std::int64_t>(i);
      if ((mask.at(y, at) != 0) == (mask.at(y - 1, at) != 0)) continue;
      changes[i].push_back(static_cast<std::uint32_t>(y));
    }
  }
}

}  // namespace

Rle encode(const Mask& mask) {
  const std::uint64_t pixels = pixel_count(mask.height, mask.width);
  if (mask.data.size() != pixels) {
    throw Error(cat("a mask of ", mask.height, " x ", mask.width, " holds ", mask.data.size(),
                    " bytes, wanted ", pixels));
  }
  Rle rle{mask.height, mask.width, {}};
  std::uint32_t run = 0;
  bool value = false;
  const auto change = [&] {
    rle.counts.push_back(run);
    run = 0;
    value = !value;
  };
  ColumnChanges changes;
  for (std::int64_t x = 0; x < mask.width && mask.height > 0; ++x) {
    const std::int64_t column = x % kColumns;
    if (column == 0) find_changes(mask, x, changes);
    if ((mask.at(0, x) != 0) != value) change();
    std::uint32_t from = 0;
    for (const std::uint32_t y : changes[static_cast<std::size_t>(column)]) {
      run += y - from;
      change();
      from = y;
    }
    run += static_cast<std::uint32_t>(mask.height) - from;
  }
  rle.counts.push_back(run);
  return rle;
}

Mask decode(const Rle& rle) {
  check_runs(rle);
  Mask mask(rle.height, rle.width);
  std::int64_t y = 0;
  std::int64_t x = 0;
  bool value = false;
  for (const std::uint32_t run : rle.counts) {
    for (std::uint32_t left = run; left > 0;) {
      const auto step = static_cast<std::uint32_t>(std::min<std::int64_t>(left, rle.height - y));
      if (value) {
        for (std::int64_t row = y; row < y + step; ++row) mask.at(row, x) = 1;
      }
      y += step;
      left -= step;
      if (y == rle.height) {
        y = 0;
        ++x;
      }
    }
    value = !value;
  }
  return mask;
}

std::string to_coco_string(const Rle& rle) {
  std::string text;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    std::int64_t left = rle.counts[i];
    if (i > 2) left -= rle.counts[i - 2];
    for (bool more = true; more;) {
      int group = static_cast<int>(left & 0x1f);
      left >>= 5;
      more = (group & 0x10) != 0 ? left != -1 : left != 0;
      if (more) group |= 0x20;
      text.push_back(static_cast<char>(group + '0'));
    }
  }
  return text;
}

Rle from_coco_string(std::string_view counts, std::int64_t height, std::int64_t width) {
  const std::uint64_t pixels = pixel_count(height, width);
  Rle rle{height, width, {}};
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < counts.size();) {
    const std::size_t start = at;
    std::int64_t run = read_group(counts, at);
    const std::size_t index = rle.counts.size();
    if (index > 2) run += rle.counts[index - 2];
    if (run < 0) {
      throw Error(cat("COCO mask string: run ", index, " (at character ", start,
                      ") has the length ", run, ", wanted 0 or more"));
    }
    sum += static_cast<std::uint64_t>(run);
    if (sum > pixels) break;
    rle.counts.push_back(static_cast<std::uint32_t>(run));
  }
  if (sum != pixels) {
    throw Error(cat("COCO mask string: its runs sum to ", sum > pixels ? "at least " : "", sum,
                    ", wanted height x width = ", height, " x ", width, " = ", pixels));
  }
  return rle;
}

Rle merge(std::span<const Rle> masks, bool intersect) {
  if (masks.empty()) throw Error("an empty list of masks cannot be merged: give at least one");
  const Rle& first = masks.front();
  const std::uint64_t pixels = pixel_count(first.height, first.width);
  for (const Rle& mask : masks) {
    check_same_size(first, mask);
    check_runs(mask);
  }
  Rle merged = first;
  for (const Rle& mask : masks.subspan(1)) {
    merged.counts = merge_runs(merged.counts, mask.counts, pixels, intersect);
  }
  return merged;
}

Rle exactly_one(std::span<const Rle> masks) {
  if (masks.empty()) throw Error("an empty list of masks cannot be combined: give at least one");
  const Rle& first = masks.front();
  const std::uint64_t pixels = pixel_count(first.height, first.width);
  std::vector<std::pair<std::uint64_t, int>> edges;  // where a mask begins (+1) and ends (-1)
  for (const Rle& mask : masks) {
    check_same_size(first, mask);
    check_runs(mask);
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < mask.counts.size(); ++i) {
      if (i > 0) edges.emplace_back(at, i % 2 == 1 ? 1 : -1);
      at += mask.counts[i];
    }
    if (mask.counts.size() % 2 == 0) edges.emplace_back(at, -1);
  }
  std::sort(edges.begin(), edges.end());
  Rle one{first.height, first.width, {}};
  std::uint64_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i < edges.size();) {
    const std::uint64_t at = edges[i].first;
    const bool before = depth == 1;
    for (; i < edges.size() && edges[i].first == at; ++i) depth += edges[i].second;
    if (before == (depth == 1) || at == pixels) continue;
    one.counts.push_back(static_cast<std::uint32_t>(at - start));
    start = at;
  }
  one.counts.push_back(static_cast<std::uint32_t>(pixels - start));
  return one;
}

std::int64_t area(const Rle& rle) {
  std::int64_t ones = 0;
  for (std::size_t i = 1; i < rle.counts.size(); i += 2) ones += rle.counts[i];
  return ones;
}

std::int64_t intersection(const Rle& a, const Rle& b) {
  check_same_size(a, b);
  check_runs(a);
  check_runs(b);
  const std::uint64_t pixels = pixel_count(a.height, a.width);
  RunCursor left(a.counts);
  RunCursor right(b.counts);
  std::int64_t both = 0;
  for (std::uint64_t done = 0; done < pixels;) {
    const std::uint32_t step = std::min(left.left(), right.left());
    if (left.value() && right.value()) both += step;
    done += step;
    left.advance(step);
    right.advance(step);
  }
  return both;
}

std::array<std::int64_t, 4> bounding_box(const Rle& rle) {
  check_runs(rle);
  std::int64_t left = rle.width;
  std::int64_t top = rle.height;
  std::int64_t right = -1;
  std::int64_t bottom = -1;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    const std::int64_t run = rle.counts[i];
    if (i % 2 == 1 && run > 0) {
      const std::int64_t last = start + run - 1;
      left = std::min(left, start / rle.height);
      right = std::max(right, last / rle.height);
      const bool one_column = start / rle.height == last / rle.height;
      top = std::min(top, one_column ? start % rle.height : 0);
      bottom = std::max(bottom, one_column ? last % rle.height : rle.height - 1);
    }
    start += run;
  }
  if (right < 0) return {0, 0, 0, 0};
  return {left, top, right - left + 1, bottom - top + 1};
}

}  // namespace pcnet::image
