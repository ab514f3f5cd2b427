#include "src/proposals/superpixels.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pcnet::proposals {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;

/// A picture of greys, row by row.
image::Picture greys(std::int64_t width, const std::vector<int>& values) {
  image::Picture picture(static_cast<std::int64_t>(values.size()) / width, width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::fill_n(&picture.rgb[3 * i], 3, static_cast<std::uint8_t>(values[i]));
  }
  return picture;
}

TEST(Distance, IsOfColoursInQuartersOfAGreyLevel) {
  const std::uint8_t a[] = {10, 20, 30};
  const std::uint8_t b[] = {13, 20, 26};
  EXPECT_EQ(distance(a, b), 5 * kDistanceSteps);
  const std::uint8_t black[] = {0, 0, 0};
  const std::uint8_t white[] = {255, 255, 255};
  EXPECT_LT(distance(black, white), kLargestDistance);
}

TEST(Superpixels, PartWhereTheColourJumps) {
  const auto found = superpixels(greys(5, {10, 10, 90, 90, 90,  //
                                           10, 10, 90, 90, 90}),
                                 /*scale=*/10, /*least=*/1);
  EXPECT_EQ(found.count, 2);
  EXPECT_THAT(found.labels, ElementsAre(0, 0, 1, 1, 1, 0, 0, 1, 1, 1));
}

// Greys in a row: 0, 4, 20. The first edge weighs sqrt(3) 4 = 6.9, the second 27.7. Single pixels
// join up to `scale`; then the pair up to its edge and half of the scale.
TEST(Superpixels, AreLargerAtALargerScale) {
  const image::Picture row = greys(3, {0, 4, 20});
  EXPECT_THAT(superpixels(row, 6, 1).labels, ElementsAre(0, 1, 2));
  EXPECT_THAT(superpixels(row, 30, 1).labels, ElementsAre(0, 0, 1));
  EXPECT_THAT(superpixels(row, 50, 1).labels, ElementsAre(0, 0, 0));
}

TEST(Superpixels, BelowTheLeastJoinTheNearestColour) {
  const image::Picture row = greys(7, {10, 10, 10, 50, 200, 200, 200});
  EXPECT_THAT(superpixels(row, 1, 1).labels, ElementsAre(0, 0, 0, 1, 2, 2, 2));
  EXPECT_THAT(superpixels(row, 1, 2).labels, ElementsAre(0, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(superpixels(row, 1, 7).labels, Each(0));
}

/// The same from the definition: regions as lists, the heaviest edge inside kept by hand.
std::vector<std::int32_t> naive(const image::Picture& picture, double scale) {
  struct Edge {
    std::int32_t weight;
    std::int64_t a, b;
  };
  std::vector<Edge> edges;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      for (const auto& [dy, dx] : {std::pair(0, 1), {1, -1}, {1, 0}, {1, 1}}) {
        if (y + dy >= picture.height || x + dx < 0 || x + dx >= picture.width) continue;
        edges.push_back({distance(picture.pixel(y, x), picture.pixel(y + dy, x + dx)),
                         y * picture.width + x, (y + dy) * picture.width + x + dx});
      }
    }
  }
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return a.weight < b.weight; });
  std::vector<std::int32_t> region(picture.rgb.size() / 3);
  for (std::size_t i = 0; i < region.size(); ++i) region[i] = static_cast<std::int32_t>(i);
  std::vector<int> heaviest(region.size(), 0);
  const auto limit = [&](int one) {
    const auto size = std::count(region.begin(), region.end(), one);
    return heaviest[static_cast<std::size_t>(one)] +
           kDistanceSteps * scale / static_cast<double>(size);
  };
  for (const Edge& edge : edges) {
    const int a = region[static_cast<std::size_t>(edge.a)];
    const int b = region[static_cast<std::size_t>(edge.b)];
    if (a == b || edge.weight > std::min(limit(a), limit(b))) continue;
    std::replace(region.begin(), region.end(), b, a);
    heaviest[static_cast<std::size_t>(a)] = edge.weight;
  }
  std::vector<int> names;
  for (int& one : region) {
    const auto known = std::find(names.begin(), names.end(), one);
    const auto number = static_cast<int>(known - names.begin());
    if (known == names.end()) names.push_back(one);
    one = number;
  }
  return region;
}

TEST(Superpixels, EqualTheDefinition) {
  std::mt19937 random(5);
  for (const double scale : {4.0, 16.0, 64.0}) {
    std::vector<int> values(12 * 15);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<int>(i / 45) * 40 + static_cast<int>(random() % 24);
    }
    const image::Picture picture = greys(15, values);
    const auto found = superpixels(picture, scale, 1);
    EXPECT_EQ(found.labels, naive(picture, scale)) << scale;
    EXPECT_GT(found.count, 1);
  }
}

TEST(Superpixels, HaveTheLeastSize) {
  std::mt19937 random(6);
  std::vector<int> values(20 * 20);
  for (int& value : values) value = static_cast<int>(random() % 256);
  const auto found = superpixels(greys(20, values), 1, 9);
  std::vector<int> sizes(static_cast<std::size_t>(found.count));
  for (const int label : found.labels) ++sizes[static_cast<std::size_t>(label)];
  EXPECT_THAT(sizes, Each(Ge(9)));
}

}  // namespace
}  // namespace pcnet::proposals
