#include "pcnet/image/mask_points.h"

#include <map>

#include <gtest/gtest.h>

#include "support/hand_dataset.h"

namespace pcnet::image {
namespace {

using support::rectangle_mask;

Mask mask_of(const std::vector<std::string>& rows) {
  Mask mask(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size()));
  for (std::size_t i = 0; i < mask.data.size(); ++i) {
    mask.data[i] = rows[i / rows[0].size()][i % rows[0].size()] == '#' ? 1 : 0;
  }
  return mask;
}

/// By the definition: every pixel against every pixel outside, those around the image among them.
Pixel farthest_by_loops(const Mask& mask) {
  Pixel farthest;
  std::int64_t most = -1;
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      if (mask.at(y, x) == 0) continue;
      std::int64_t nearest = mask.height * mask.height + mask.width * mask.width;
      for (std::int64_t v = -1; v <= mask.height; ++v) {
        for (std::int64_t u = -1; u <= mask.width; ++u) {
          const bool around = v < 0 || u < 0 || v == mask.height || u == mask.width;
          if (!around && mask.at(v, u) != 0) continue;
          nearest = std::min(nearest, (x - u) * (x - u) + (y - v) * (y - v));
        }
      }
      if (nearest <= most) continue;
      most = nearest;
      farthest = {x, y};
    }
  }
  return farthest;
}

TEST(InteriorPoint, IsTheMiddleOfTheThickestPart) {
  EXPECT_EQ(interior_point(rectangle_mask(20, 30, {4, 6, 11, 9})), (Pixel{8, 10}));
  // A dumbbell: the right ball is thicker.
  Mask mask = rectangle_mask(20, 30, {2, 2, 5, 5});
  for (const auto& part :
       {rectangle_mask(20, 30, {7, 4, 10, 1}), rectangle_mask(20, 30, {17, 1, 7, 7})}) {
    for (std::size_t i = 0; i < mask.data.size(); ++i) mask.data[i] |= part.data[i];
  }
  EXPECT_EQ(interior_point(mask), (Pixel{20, 4}));
}

TEST(InteriorPoint, CountsWhatIsAroundTheImageAsOutside) {
  EXPECT_EQ(interior_point(rectangle_mask(5, 9, {0, 0, 9, 5})), (Pixel{2, 2}));
  EXPECT_EQ(interior_point(rectangle_mask(9, 9, {0, 0, 9, 9})), (Pixel{4, 4}));
}

TEST(InteriorPoint, IsThatOfTheNaiveLoop) {
  core::Rng rng(11);
  for (int round = 0; round < 20; ++round) {
    Mask mask(9 + round, 23);
    for (auto& one : mask.data) one = rng.chance(0.93) ? 1 : 0;
    EXPECT_EQ(interior_point(mask), farthest_by_loops(mask)) << round;
  }
}

TEST(CentroidPoint, IsTheNearestPixelOfTheMask) {
  EXPECT_EQ(centroid_point(rectangle_mask(20, 30, {4, 6, 11, 9})), (Pixel{9, 10}));
  // The centre of mass of a ring lies beside it; of the nearest four the first.
  EXPECT_EQ(centroid_point(mask_of({"#####", "#...#", "#...#", "#...#", "#####"})), (Pixel{2, 0}));
  EXPECT_EQ(centroid_point(mask_of({"....", ".##.", ".##.", "...."})), (Pixel{1, 1}));
}

TEST(RandomPoint, DrawsEveryPixelOfTheMaskAlike) {
  const Mask mask = mask_of({"#.#", "..#"});
  std::map<std::pair<std::int64_t, std::int64_t>, int> drawn;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    core::Rng rng(seed);
    const auto point = random_point(mask, rng);
    ASSERT_TRUE(point);
    ++drawn[{point->x, point->y}];
  }
  ASSERT_EQ(drawn.size(), 3U);
  for (const auto& [place, times] : drawn) {
    EXPECT_EQ(mask.at(place.second, place.first), 1);
    EXPECT_GT(times, 70);
  }
}

TEST(MaskPoints, AreNoneOfAnEmptyMask) {
  core::Rng rng(1);
  EXPECT_EQ(interior_point(Mask(4, 5)), std::nullopt);
  EXPECT_EQ(centroid_point(Mask(4, 5)), std::nullopt);
  EXPECT_EQ(random_point(Mask(4, 5), rng), std::nullopt);
}

}  // namespace
}  // namespace pcnet::image
