#include "src/proposals/region_tree.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pcnet::proposals {
namespace {

/// Four columns of pixels, 2 rows: dark, a little lighter, white, white (as two superpixels).
struct Columns {
  image::Picture picture = image::Picture(2, 4);
  Superpixels superpixels{2, 4, {0, 1, 2, 3, 0, 1, 2, 3}, 4};

  Columns() {
    const std::uint8_t greys[] = {10, 14, 250, 250};
    for (std::int64_t y = 0; y < 2; ++y) {
      for (std::int64_t x = 0; x < 4; ++x) std::fill_n(picture.pixel(y, x), 3, greys[x]);
    }
  }
};

TEST(RegionTree, JoinsTheMostAlikeFirst) {
  const Columns columns;
  const auto tree = region_tree(columns.picture, columns.superpixels);
  ASSERT_EQ(tree.size(), 7U);  // 4 superpixels, 3 joints
  EXPECT_EQ(tree[4].left, 2);  // the two without any difference
  EXPECT_EQ(tree[4].right, 3);
  EXPECT_EQ(tree[5].left, 0);
  EXPECT_EQ(tree[5].right, 1);
  EXPECT_EQ(tree[6].left, 4);
  EXPECT_EQ(tree[6].right, 5);
  EXPECT_EQ(tree[2].parent, 4);
  EXPECT_EQ(tree[5].parent, 6);
  EXPECT_EQ(tree[6].parent, -1);
}

TEST(RegionTree, MeasuresRegions) {
  const Columns columns;
  const auto tree = region_tree(columns.picture, columns.superpixels);
  // sqrt(3) 4 = 6.93 and sqrt(3) 236 = 408.76, in quarters, rounded down.
  EXPECT_EQ(tree[1].area, 2);
  EXPECT_EQ(tree[1].box, (Box{1, 0, 2, 2}));
  EXPECT_EQ(tree[1].outline, 4);  // two rows on either side
  EXPECT_EQ(tree[1].contrast, 2 * (27 + 1635));
  EXPECT_EQ(tree[5].area, 4);
  EXPECT_EQ(tree[5].box, (Box{0, 0, 2, 2}));
  EXPECT_EQ(tree[5].outline, 2);
  EXPECT_EQ(tree[5].contrast, 2 * 1635);
  EXPECT_EQ(tree[5].histogram[0], 4);  // of 16 bins a colour: 0 to 15 is the first
  EXPECT_EQ(tree[4].histogram[15], 4);
  EXPECT_EQ(tree[6].area, 8);
  EXPECT_EQ(tree[6].outline, 0);
  EXPECT_EQ(tree[6].contrast, 0);
}

TEST(RegionTree, JoinsSmallAndCompactOnesFirst) {
  // All of one colour: only boxes count. The first two make the smallest box.
  Columns columns;
  std::fill(columns.picture.rgb.begin(), columns.picture.rgb.end(), std::uint8_t{50});
  columns.superpixels = {2, 4, {0, 1, 2, 2, 0, 1, 2, 2}, 3};
  const auto tree = region_tree(columns.picture, columns.superpixels);
  ASSERT_EQ(tree.size(), 5U);
  EXPECT_EQ(tree[3].left, 0);
  EXPECT_EQ(tree[3].right, 1);
}

TEST(RegionTree, OfOneSuperpixelIsThePicture) {
  Columns columns;
  columns.superpixels = {2, 4, {0, 0, 0, 0, 0, 0, 0, 0}, 1};
  const auto tree = region_tree(columns.picture, columns.superpixels);
  ASSERT_EQ(tree.size(), 1U);
  EXPECT_EQ(tree[0].parent, -1);
  EXPECT_EQ(tree[0].area, 8);
}

}  // namespace
}  // namespace pcnet::proposals
