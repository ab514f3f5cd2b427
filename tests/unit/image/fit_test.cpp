#include "pcnet/image/fit.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::image {
namespace {

TEST(Fit, EnlargesByAWholeFactorThatStillFits) {
  Picture picture(3, 4);
  picture.pixel(1, 2)[0] = 200;
  const Picture large = fit(picture, 11);  // 2 times: 3 times would be 12 wide
  EXPECT_EQ(large.height, 6);
  EXPECT_EQ(large.width, 8);
  EXPECT_EQ(large.pixel(3, 5)[0], 200);
  EXPECT_EQ(large.pixel(3, 6)[0], 0);
}

TEST(Fit, ShrinksByAveraging) {
  Picture picture(2, 8);
  picture.pixel(0, 0)[1] = 200;  // one of four pixels that become one
  const Picture small = fit(picture, 4);
  EXPECT_EQ(small.height, 1);
  EXPECT_EQ(small.width, 4);
  EXPECT_EQ(small.pixel(0, 0)[1], 50);
  EXPECT_EQ(small.pixel(0, 1)[1], 0);
}

TEST(Fit, KeepsSmallObjectsOfAMask) {
  Mask mask(100, 400);
  mask.at(99, 399) = 1;
  const Mask small = fit(mask, 40);
  EXPECT_EQ(small.height, 10);
  EXPECT_EQ(small.width, 40);
  EXPECT_EQ(small.at(9, 39), 1);
  EXPECT_EQ(std::count(small.data.begin(), small.data.end(), 1), 1);
}

TEST(Fit, LeavesAPixelOfAVeryNarrowPicture) {
  EXPECT_EQ(fit(Picture(3, 2000), 100).height, 1);
  EXPECT_EQ(fit(Mask(2000, 1), 100).width, 1);
}

TEST(Fit, RefusesAPictureWithoutPixels) {
  EXPECT_THROW(fit(Picture(), 10), core::Error);
  EXPECT_THROW(fit(Mask(3, 3), 0), core::Error);
}

TEST(Stretch, TakesBothSidesAsTheyAreAsked) {
  Picture halves(4, 4);
  for (std::int64_t y = 0; y < 4; ++y) {
    for (std::int64_t x = 2; x < 4; ++x) halves.pixel(y, x)[1] = 200;
  }
  const Picture wide = stretch(halves, 3, 40);
  EXPECT_EQ(wide.height, 3);
  EXPECT_EQ(wide.width, 40);
  EXPECT_EQ(wide.pixel(2, 10)[1], 0);
  EXPECT_EQ(wide.pixel(0, 30)[1], 200);
  EXPECT_THROW(stretch(halves, 0, 4), core::Error);
}

TEST(Widen, PutsThePictureInTheMiddle) {
  const Picture wide = widen(Picture(1, 2), 6);
  EXPECT_EQ(wide.width, 6);
  EXPECT_EQ(wide.pixel(0, 1)[0], 250);
  EXPECT_EQ(wide.pixel(0, 2)[0], 0);
  EXPECT_EQ(wide.pixel(0, 3)[0], 0);
  EXPECT_EQ(wide.pixel(0, 4)[0], 250);
  EXPECT_EQ(widen(Picture(1, 9), 6).width, 9);
}

}  // namespace
}  // namespace pcnet::image
