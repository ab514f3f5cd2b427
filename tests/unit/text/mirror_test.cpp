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

TEST(Upended, SwapsUpAndDown) {
  EXPECT_EQ(upended("a circle above a star, left of it"), "a circle below a star, left of it");
  EXPECT_EQ(upended("below the cup"), "above the cup");
  EXPECT_EQ(upended("the lamp over the table"), "the lamp under the table");
  EXPECT_EQ(upended("the cat underneath the chair"), "the cat over the chair");
  EXPECT_EQ(upended("a star in the upper half near the top"),
            "a star in the lower half near the bottom");
  EXPECT_EQ(upended("in the lower half, lower than a cross"),
            "in the upper half, higher than a cross");
  EXPECT_EQ(upended("higher than a cross"), "lower than a cross");
  EXPECT_EQ(upended("lower"), "upper");
  EXPECT_EQ(upended("beneath a cross"), "above a cross");
  for (const char* text :
       {"", "left", "a cup", "overcoat", "topping", "Above", "thunder", "the higher cup"}) {
    EXPECT_EQ(upended(text), std::nullopt) << text;
  }
}

TEST(Upended, TwiceIsTheTextItself) {
  const std::string text = "above, below over under; top lower half\n bottom upper lower than x";
  EXPECT_EQ(upended(*upended(text)), text);
}

TEST(Turned, TakesOneDirectionOfThoseSaid) {
  EXPECT_EQ(turned("the left cup above a plate"), "the right cup above a plate");
  EXPECT_EQ(turned("the cup above a plate"), "the cup below a plate");
  EXPECT_EQ(turned("the cup"), std::nullopt);
}

}  // namespace
}  // namespace pcnet::text
