#include "pcnet/cues/known_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pcnet::cues {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KnownWords, FindWhatACueMakesUp) {
  const KnownWords known("the tall man in red");
  EXPECT_THAT(known.new_in("man in a red hat"), ElementsAre("hat"));
  EXPECT_THAT(known.new_in("two men behind the man"), ElementsAre("two", "behind"));
  EXPECT_THAT(known.new_in("man in blue."), ElementsAre("blue"));
}

TEST(KnownWords, DoNotMindCaseFormsAndLinks) {
  const KnownWords known("Black-and-white dogs holding the girl's frisbees, taller ones");
  for (const char* cue : {"the black dog", "white DOG", "dog that holds a frisbee", "tall one",
                          "girl with a frisbee", "dogs are held", "a girl who is in white"}) {
    EXPECT_THAT(known.new_in(cue), IsEmpty()) << cue;
  }
}

TEST(TellingWords, AreNoArticlesAndNoLinks) {
  EXPECT_THAT(telling_words("The man who is on a Red-white horse, and his two dogs"),
              ElementsAre("man", "red", "white", "horse", "his", "two", "dogs"));
  EXPECT_THAT(telling_words("the with a"), IsEmpty());
}

TEST(KnownWords, OfNothingAreNone) {
  EXPECT_THAT(KnownWords("").new_in("the man in red"), ElementsAre("man", "red"));
  EXPECT_THAT(KnownWords("the man").new_in(""), IsEmpty());
  EXPECT_THAT(KnownWords("caf\xc3\xa9 \xff").new_in("caf\xc3\xa9"), IsEmpty());
}

}  // namespace
}  // namespace pcnet::cues
