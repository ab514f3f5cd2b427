#include "region_tree.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <tuple>
#include <utility>

namespace pcnet::proposals {

namespace {

/// The common outline of two regions, as Region's.
struct Border {
  std::int64_t length = 0;
  std::int64_t contrast = 0;
};
using Borders = std::map<std::int32_t, Border>;  // by the other region

std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }

/// The smallest box that holds both.
Box around(const Box& a, const Box& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

/// From 0 to 1.
double histogram_difference(const Region& a, const Region& b) {
  double same = 0;
  for (std::size_t i = 0; i < a.histogram.size(); ++i) {
    same += std::min(static_cast<double>(a.histogram[i]) / static_cast<double>(a.area),
                     static_cast<double>(b.histogram[i]) / static_cast<double>(b.area));
  }
  return 1 - same / 3;
}

class Merger {
 public:
  Merger(const image::Picture& picture, const Superpixels& superpixels)
      : pixels_(static_cast<double>(picture.height * picture.width)),
        regions_(index(superpixels.count)),
        borders_(index(superpixels.count)) {
    measure(picture, superpixels);
    for (std::int32_t a = 0; a < superpixels.count; ++a) {
      for (const auto& [b, border] : borders_[index(a)]) {
        if (a < b) push(a, b, border);
      }
    }
  }

  std::vector<Region> merged() {
    while (!queue_.empty()) {
      const auto [cost, a, b] = queue_.top();
      queue_.pop();
      const bool gone = regions_[index(a)].parent >= 0 || regions_[index(b)].parent >= 0;
      if (!gone) join(a, b);
    }
    return std::move(regions_);
  }

 private:
  void measure(const image::Picture& picture, const Superpixels& superpixels) {
    for (std::int64_t y = 0; y < picture.height; ++y) {
      for (std::int64_t x = 0; x < picture.width; ++x) {
        const auto* colour = picture.pixel(y, x);
        const std::int32_t label = superpixels.at(y, x);
        Region& region = regions_[index(label)];
        region.box =
            region.area == 0 ? Box{x, y, x + 1, y + 1} : around(region.box, {x, y, x + 1, y + 1});
        ++region.area;
        for (std::size_t c = 0; c < 3; ++c) {
          ++region.histogram[c * Region::kBins + colour[c] * Region::kBins / 256];
        }
        if (x + 1 < picture.width) {
          touch(label, superpixels.at(y, x + 1), distance(colour, picture.pixel(y, x + 1)));
        }
        if (y + 1 < picture.height) {
          touch(label, superpixels.at(y + 1, x), distance(colour, picture.pixel(y + 1, x)));
        }
      }
    }
  }

  void touch(std::int32_t a, std::int32_t b, std::int32_t contrast) {
    if (a == b) return;
    for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
      Border& border = borders_[index(one)][other];
      ++border.length;
      border.contrast += contrast;
      ++regions_[index(one)].outline;
      regions_[index(one)].contrast += contrast;
    }
  }

  void push(std::int32_t a, std::int32_t b, const Border& border) {
    const Region& one = regions_[index(a)];
    const Region& other = regions_[index(b)];
    const double contrast = static_cast<double>(border.contrast) /
                            static_cast<double>(border.length * kLargestDistance);
    // What they cover and what the box holds beside them make the box.
    const Box box = around(one.box, other.box);
    const double share = static_cast<double>((box.x1 - box.x0) * (box.y1 - box.y0)) / pixels_;
    queue_.emplace(histogram_difference(one, other) + contrast + share, a, b);
  }

  void join(std::int32_t a, std::int32_t b) {
    const auto joined = static_cast<std::int32_t>(regions_.size());
    Region region = regions_[index(a)];
    const Region& other = regions_[index(b)];
    const Border common = borders_[index(a)].at(b);
    region.area += other.area;
    region.box = around(region.box, other.box);
    std::transform(region.histogram.begin(), region.histogram.end(), other.histogram.begin(),
                   region.histogram.begin(), std::plus<>());
    region.outline += other.outline - 2 * common.length;
    region.contrast += other.contrast - 2 * common.contrast;
    region.left = a;
    region.right = b;
    regions_[index(a)].parent = regions_[index(b)].parent = joined;
    regions_.push_back(region);
    borders_.push_back(borders_of_both(a, b));
    for (const auto& [neighbour, border] : borders_.back()) {
      Borders& its = borders_[index(neighbour)];
      its.erase(a);
      its.erase(b);
      its[joined] = border;
      push(neighbour, joined, border);
    }
  }

  Borders borders_of_both(std::int32_t a, std::int32_t b) {
    Borders both = std::move(borders_[index(a)]);
    for (const auto& [neighbour, border] : borders_[index(b)]) {
      both[neighbour].length += border.length;
      both[neighbour].contrast += border.contrast;
    }
    borders_[index(b)].clear();
    both.erase(a);
    both.erase(b);
    return both;
  }

  using Pair = std::tuple<double, std::int32_t, std::int32_t>;

  double pixels_;
  std::vector<Region> regions_;
  std::vector<Borders> borders_;
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> queue_;  // the smallest sum first
};

}  // namespace

std::vector<Region> region_tree(const image::Picture& picture, const Superpixels& superpixels) {
  return Merger(picture, superpixels).merged();
}

}  // namespace pcnet::proposals
