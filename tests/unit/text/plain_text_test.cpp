#include "pcnet/text/plain_text.h"

#include <string>

#include <gtest/gtest.h>

namespace pcnet::text {
namespace {

TEST(PlainText, LeavesAsciiAsItIs) {
  std::string all;
  for (char c = 1; c < 127; ++c) all += c;
  EXPECT_EQ(plain_text(all), all);
}

TEST(PlainText, TypesWhatAKeyboardHas) {
  EXPECT_EQ(plain_text("the girl\u2019s \u201Cred\u201D cup\u2026"), "the girl's \"red\" cup...");
  EXPECT_EQ(plain_text("left\u2011most\u2014no, right"), "left-most - no, right");
  EXPECT_EQ(plain_text("\uFEFFblue\u00A0square"), "blue square");
  EXPECT_EQ(plain_text("\uFB01ne \uFF32ed"), "fine Red");
}

TEST(PlainText, KeepsLettersAndSaysWhatIsNoUtf8) {
  EXPECT_EQ(plain_text("\u00C9cole e\u0301t\u00E9"), "\u00C9cole \u00E9t\u00E9");
  EXPECT_EQ(plain_text("caf\xe9"), "caf\uFFFD");
}

}  // namespace
}  // namespace pcnet::text
