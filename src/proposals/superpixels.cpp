#include "superpixels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace pcnet::proposals {

namespace {

struct Edge {
  std::int32_t a;
  std::int32_t b;
  std::int32_t weight;
};

/// In one pass, since weights are whole numbers: from the lightest to the heaviest, of equals in
/// reading order.
std::vector<Edge> sorted(const std::vector<Edge>& edges) {
  std::vector<std::size_t> place(kLargestDistance + 1);
  for (const Edge& edge : edges) ++place[static_cast<std::size_t>(edge.weight) + 1];
  std::partial_sum(place.begin(), place.end(), place.begin());
  std::vector<Edge> out(edges.size());
  for (const Edge& edge : edges) out[place[static_cast<std::size_t>(edge.weight)]++] = edge;
  return out;
}

/// Edges of each pixel to the right, below, and the two diagonals below.
std::vector<Edge> edges_of(const image::Picture& picture) {
  constexpr std::array<std::pair<int, int>, 4> kNeighbours = {{{0, 1}, {1, -1}, {1, 0}, {1, 1}}};
  std::vector<Edge> edges;
  edges.reserve(4 * static_cast<std::size_t>(picture.height * picture.width));
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      for (const auto& [down, right] : kNeighbours) {
        const bool inside =
            y + down < picture.height && x + right >= 0 && x + right < picture.width;
        if (!inside) continue;
        const std::int64_t here = y * picture.width + x;
        edges.push_back({static_cast<std::int32_t>(here),
                         static_cast<std::int32_t>(here + down * picture.width + right),
                         distance(picture.pixel(y, x), picture.pixel(y + down, x + right))});
      }
    }
  }
  return sorted(edges);
}

/// Disjoint sets of pixels.
class Regions {
 public:
  explicit Regions(std::size_t pixels, float scale)
      : parent_(pixels), size_(pixels, 1), limit_(pixels, scale), scale_(scale) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  std::int32_t root(std::int32_t pixel) {
    while (parent(pixel) != pixel) pixel = parent(pixel) = parent(parent(pixel));
    return pixel;
  }
  std::int64_t size(std::int32_t root) const { return size_[static_cast<std::size_t>(root)]; }
  /// The heaviest edge that still joins the region with another.
  float limit(std::int32_t root) const { return limit_[static_cast<std::size_t>(root)]; }

  void join(std::int32_t a, std::int32_t b, std::int32_t weight) {
    if (size(a) < size(b)) std::swap(a, b);
    parent(b) = a;
    auto& sum = size_[static_cast<std::size_t>(a)];
    sum += size(b);
    // Edges come in rising order: this one is the heaviest inside.
    limit_[static_cast<std::size_t>(a)] =
        static_cast<float>(weight) + scale_ / static_cast<float>(sum);
  }

 private:
  std::int32_t& parent(std::int32_t pixel) { return parent_[static_cast<std::size_t>(pixel)]; }

  std::vector<std::int32_t> parent_;
  std::vector<std::int64_t> size_;
  std::vector<float> limit_;
  float scale_;
};

}  // namespace

std::int32_t distance(const std::uint8_t* a, const std::uint8_t* b) {
  int sum = 0;
  for (int c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return static_cast<std::int32_t>(kDistanceSteps * std::sqrt(static_cast<float>(sum)));
}

Superpixels superpixels(const image::Picture& picture, double scale, std::int64_t least) {
  const std::vector<Edge> edges = edges_of(picture);
  const auto pixels = static_cast<std::size_t>(picture.height * picture.width);
  Regions regions(pixels, static_cast<float>(kDistanceSteps * scale));
  for (const auto& [from, to, weight] : edges) {
    const std::int32_t a = regions.root(from);
    const std::int32_t b = regions.root(to);
    const auto heavy = static_cast<float>(weight);
    if (a != b && heavy <= std::min(regions.limit(a), regions.limit(b))) regions.join(a, b, weight);
  }
  for (const auto& [from, to, weight] : edges) {
    const std::int32_t a = regions.root(from);
    const std::int32_t b = regions.root(to);
    if (a != b && std::min(regions.size(a), regions.size(b)) < least) regions.join(a, b, weight);
  }
  Superpixels found{picture.height, picture.width, {}, 0};
  std::vector<std::int32_t> number(pixels, -1);
  for (std::int32_t pixel = 0; pixel < static_cast<std::int32_t>(pixels); ++pixel) {
    auto& known = number[static_cast<std::size_t>(regions.root(pixel))];
    if (known < 0) known = found.count++;
    found.labels.push_back(known);
  }
  return found;
}

}  // namespace pcnet::proposals
