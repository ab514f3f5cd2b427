#include "proposals/region_tree.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <tuple>

namespace pcnet::proposals {

namespace {

/// The common outline of two regions.
struct Border {
  std::int64_t length = 0;
  double contrast = 0;
};
using Borders = std::map<std::int32_t, Border>;

constexpr double kMostContrast = 442;  // sqrt(3) 255

class Merger {
 public:
  Merger(const cv::Mat& colours, const Superpixels& superpixels, const MergingWeights& weights)
      : weights_(weights), pixels_(static_cast<double>(colours.total())) {
    regions_.resize(static_cast<std::size_t>(superpixels.count));
    borders_.resize(regions_.size());
    measure(colours, superpixels.labels);
    for (std::int32_t a = 0; a < superpixels.count; ++a) push_borders(a, a);
  }

  std::vector<Region> merged() {
    while (!queue_.empty()) {
      const auto [cost, a, b] = queue_.top();
      queue_.pop();
      if (at(a).parent >= 0 || at(b).parent >= 0) continue;
      join(a, b, cost);
    }
    return std::move(regions_);
  }

 private:
  Region& at(std::int32_t i) { return regions_[static_cast<std::size_t>(i)]; }
  Borders& borders(std::int32_t i) { return borders_[static_cast<std::size_t>(i)]; }

  void measure(const cv::Mat& colours, const cv::Mat& labels) {
    for (auto& region : regions_)
      region.x0 = region.y0 = static_cast<std::int64_t>(colours.total());
    for (int y = 0; y < labels.rows; ++y) {
      for (int x = 0; x < labels.cols; ++x) {
        const std::int32_t label = labels.at<std::int32_t>(y, x);
        Region& region = at(label);
        ++region.area;
        region.x0 = std::min<std::int64_t>(region.x0, x);
        region.y0 = std::min<std::int64_t>(region.y0, y);
        region.x1 = std::max<std::int64_t>(region.x1, x + 1);
        region.y1 = std::max<std::int64_t>(region.y1, y + 1);
        const auto* colour = colours.ptr(y, x);
        for (int c = 0; c < 3; ++c) {
          ++region.histogram[static_cast<std::size_t>(c * Region::kBins +
                                                      colour[c] * Region::kBins / 256)];
        }
        if (x == 0 || y == 0 || x + 1 == labels.cols || y + 1 == labels.rows) ++region.rim;
        if (x + 1 < labels.cols)
          touch(label, labels.at<std::int32_t>(y, x + 1), colour, colours.ptr(y, x + 1));
        if (y + 1 < labels.rows)
          touch(label, labels.at<std::int32_t>(y + 1, x), colour, colours.ptr(y + 1, x));
      }
    }
  }

  void touch(std::int32_t a, std::int32_t b, const std::uint8_t* from, const std::uint8_t* to) {
    if (a == b) return;
    double sum = 0;
    for (int c = 0; c < 3; ++c) sum += (from[c] - to[c]) * (from[c] - to[c]);
    const double contrast = std::sqrt(sum);
    for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
      Border& border = borders(one)[other];
      ++border.length;
      border.contrast += contrast;
      ++at(one).outline;
      at(one).contrast += contrast;
    }
  }

  double cost(const Region& a, const Region& b, const Border& border) const {
    double same = 0;
    if (weights_.colour > 0) {
      for (std::size_t i = 0; i < a.histogram.size(); ++i) {
        same += std::min(static_cast<double>(a.histogram[i]) / static_cast<double>(a.area),
                         static_cast<double>(b.histogram[i]) / static_cast<double>(b.area));
      }
    }
    const double both = static_cast<double>(a.area + b.area);
    const double box = static_cast<double>((std::max(a.x1, b.x1) - std::min(a.x0, b.x0)) *
                                           (std::max(a.y1, b.y1) - std::min(a.y0, b.y0)));
    return weights_.colour * (1 - same / 3) +
           weights_.contrast * border.contrast /
               (kMostContrast * static_cast<double>(border.length)) +
           weights_.size * both / pixels_ + weights_.fill * (box - both) / pixels_;
  }

  void push_borders(std::int32_t a, std::int32_t from) {
    for (const auto& [b, border] : borders(a)) {
      if (b > from || a != from)
        queue_.emplace(cost(at(a), at(b), border), std::min(a, b), std::max(a, b));
    }
  }

  void join(std::int32_t a, std::int32_t b, double cost) {
    const auto joined = static_cast<std::int32_t>(regions_.size());
    Region region = at(a);
    const Region& other = at(b);
    region.area += other.area;
    region.x0 = std::min(region.x0, other.x0);
    region.y0 = std::min(region.y0, other.y0);
    region.x1 = std::max(region.x1, other.x1);
    region.y1 = std::max(region.y1, other.y1);
    for (std::size_t i = 0; i < region.histogram.size(); ++i)
      region.histogram[i] += other.histogram[i];
    const Border common = borders(a).at(b);
    region.rim += other.rim;
    region.outline += other.outline - 2 * common.length;
    region.contrast += other.contrast - 2 * common.contrast;
    region.left = a;
    region.right = b;
    region.cost = cost;
    at(a).parent = at(b).parent = joined;
    Borders all = std::move(borders(a));
    for (const auto& [neighbour, border] : borders(b)) {
      all[neighbour].length += border.length;
      all[neighbour].contrast += border.contrast;
    }
    all.erase(a);
    all.erase(b);
    for (const auto& [neighbour, border] : all) {
      borders(neighbour).erase(a);
      borders(neighbour).erase(b);
      borders(neighbour)[joined] = border;
    }
    regions_.push_back(region);
    borders_.push_back(std::move(all));
    push_borders(joined, -1);
  }

  using Pair = std::tuple<double, std::int32_t, std::int32_t>;

  MergingWeights weights_;
  double pixels_;
  std::vector<Region> regions_;
  std::vector<Borders> borders_;
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> queue_;
};

}  // namespace

std::vector<Region> region_tree(const cv::Mat& colours, const Superpixels& superpixels,
                                const MergingWeights& weights) {
  return Merger(colours, superpixels, weights).merged();
}

}  // namespace pcnet::proposals
