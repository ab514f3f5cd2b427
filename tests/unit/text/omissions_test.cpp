#include "pcnet/text/omissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/text/word_tokenizer.h"

namespace pcnet::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OmissionsTest : public ::testing::Test {
 protected:
  void add(const char* text) { omissions_.add(tokenizer_.encode(text, 5)); }
  WordTokenizer tokenizer_ = WordTokenizer({"cup", "red", "the"});
  Omissions omissions_;
};

TEST_F(OmissionsTest, SaysNothingWhenNothingIsLost) {
  add("the red cup");
  EXPECT_THAT(describe(omissions_, "sentences", 5), IsEmpty());
}

TEST_F(OmissionsTest, CountsWordsAndTexts) {
  add("the mug, the vase");
  add("red mug");
  add("cup");
  EXPECT_THAT(describe(omissions_, "sentences", 5),
              ElementsAre("3 words of 2 of 3 sentences are not in the vocabulary and were left out "
                          "(2 different: mug, vase)"));
}

TEST_F(OmissionsTest, CountsTextsWithoutRoom) {
  add("the red red cup");
  add("cup");
  EXPECT_THAT(describe(omissions_, "cues", 5),
              ElementsAre("1 of 2 cues are longer than 5 tokens and were cut (data.text_length)"));
}

TEST_F(OmissionsTest, NamesTheMostFrequentOfManyWords) {
  add("a b c d e f g h i j k z");
  add("z");
  EXPECT_THAT(
      describe(omissions_, "sentences", 5),
      ElementsAre("13 words of 2 of 2 sentences are not in the vocabulary and were left out "
                  "(12 different: z, a, b, c, d, e, f, g, h, i, ...)"));
}

}  // namespace
}  // namespace pcnet::text
