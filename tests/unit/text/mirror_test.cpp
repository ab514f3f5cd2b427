#include "pcnet/text/mirror.h"

#include <gtest/gtest.h>

namespace pcnet::text {
namespace {

TEST(Mirrored, SwapsLeftAndRight) {
  EXPECT_EQ(mirrored("a circle on the left"), "a circle on the right");
  EXPECT_EQ(mirrored("right"), "left");
  EXPECT_EQ(mirrored("the left cup, right of  a plate."), "the right cup, left of  a plate.");
  EXPECT_EQ(mirrored("right-hand side"), "left-hand side");
  EXPECT_EQ(mirrored("the small star on the left side of a cross, which lies in the right half"),
            "the small star on the right side of a cross, which lies in the left half");
  EXPECT_EQ(mirrored("a star to the right of the cross and above a square"),
            "a star to the left of the cross and above a square");
}

TEST(Mirrored, SwapsWholeWordsAlone) {
  EXPECT_EQ(mirrored("leftover on the left"), "leftover on the right");
  for (const char* text : {"", "a cup", "leftover", "bright", "left1", "Left", "lefté", "éright"}) {
    EXPECT_EQ(mirrored(text), std::nullopt) << text;
  }
}

TEST(Mirrored, FindsWordsBesideTypographicCharacters) {
  EXPECT_EQ(mirrored("the left\u00A0cup"), "the right\u00A0cup");
  EXPECT_EQ(mirrored("\u201Cleft\u201D\u2014not that"), "\u201Cright\u201D\u2014not that");
}

TEST(Mirrored, TwiceIsTheTextItself) {
  const std::string text = " left, right; lefts left\n";
  EXPECT_EQ(mirrored(*mirrored(text)), text);
}

}  // namespace
}  // namespace pcnet::text
