#include "src/proposals/small_regions.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pcnet::proposals {
namespace {

using Rows = std::vector<std::string>;

image::Mask mask_of(const Rows& rows) {
  image::Mask mask(static_cast<std::int64_t>(rows.size()),
                   static_cast<std::int64_t>(rows[0].size()));
  std::size_t at = 0;
  for (const auto& row : rows) {
    for (const char pixel : row) mask.data[at++] = pixel == '#' ? 1 : 0;
  }
  return mask;
}

/// `before` becomes `after`, and whether that is said to be a change.
void expect_removal(const Rows& before, std::int64_t area, const Rows& after, bool changed) {
  image::Mask mask = mask_of(before);
  EXPECT_EQ(remove_small_regions(mask, area), changed);
  EXPECT_EQ(mask.data, mask_of(after).data);
}

TEST(SmallRegions, StayWhereNoneIsSmaller) {
  const Rows rows = {"##..", "##..", "...."};
  expect_removal(rows, 4, rows, false);
}

TEST(SmallRegions, FillsHolesAndThoseAtTheBorder) {
  expect_removal({"####.", "#.##.", "#..#.", "####.", "....."}, 4,
                 {"####.", "####.", "####.", "####.", "....."}, true);
  expect_removal({".####", "#####", "#####"}, 2, {"#####", "#####", "#####"}, true);
}

TEST(SmallRegions, ClearsIslands) {
  expect_removal({"##..#", "##...", ".....", "..##."}, 3, {"##...", "##...", ".....", "....."},
                 true);
}

TEST(SmallRegions, CornersConnect) {
  const Rows rows = {"#...", ".#..", "..#.", "...."};
  expect_removal(rows, 3, rows, false);
}

TEST(SmallRegions, FillsBeforeItClears) {
  // The ring has 8 pixels and encloses one: 9 when filled.
  expect_removal({"###.......", "#.#.......", "###......."}, 9,
                 {"###.......", "###.......", "###......."}, true);
}

TEST(SmallRegions, KeepsTheLargestOfSmallOnes) {
  expect_removal({"#...........", "......##....", "............"}, 10,
                 {"............", "......##....", "............"}, true);
}

TEST(SmallRegions, SaysThatALoneSmallOneChanged) {  // as the Python package
  const Rows rows = {"#....", ".....", "....."};
  expect_removal(rows, 2, rows, true);
}

TEST(SmallRegions, LeavesAMaskWithoutPixels) {
  const Rows rows = {".....", "....."};
  expect_removal(rows, 3, rows, false);
}

}  // namespace
}  // namespace pcnet::proposals
