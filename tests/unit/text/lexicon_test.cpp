#include "pcnet/text/lexicon.h"

#include <gtest/gtest.h>

namespace pcnet::text {
namespace {

TEST(Lexicon, ListsKindsTheMostFrequentFirst) {
  const auto& english = Lexicon::english();
  EXPECT_EQ(english.kinds("woman"), "n");
  EXPECT_EQ(english.kinds("red").front(), 'a');
  EXPECT_EQ(english.kinds("hold").front(), 'v');
  EXPECT_EQ(english.kinds("giraffe"), "");  // a thing and nothing else
}

TEST(Lexicon, KnowsPersonsInTheirPlural) {
  const auto& english = Lexicon::english();
  for (const char* word : {"woman", "women", "batter", "players", "ladies", "kid"}) {
    EXPECT_TRUE(english.is_person(word)) << word;
  }
  for (const char* word : {"table", "horse", "men's", "s", ""}) {
    EXPECT_FALSE(english.is_person(word)) << word;
  }
}

TEST(Lexicon, TakesVerbsBack) {
  const auto& english = Lexicon::english();
  EXPECT_EQ(english.verb_of("holding"), "hold");
  EXPECT_EQ(english.verb_of("sitting"), "sit");
  EXPECT_EQ(english.verb_of("riding"), "ride");
  EXPECT_EQ(english.verb_of("carried"), "carry");
  EXPECT_EQ(english.verb_of("lying"), "lie");
  EXPECT_EQ(english.verb_of("worn"), "wear");
  EXPECT_EQ(english.verb_of("wears"), "wear");
  EXPECT_EQ(english.verb_of("umbrella"), "");
  EXPECT_EQ(english.verb_of("ing"), "");
}

TEST(Lexicon, TakesComparativesBack) {
  const auto& english = Lexicon::english();
  EXPECT_EQ(english.adjective_of("bigger"), "big");
  EXPECT_EQ(english.adjective_of("tallest"), "tall");
  EXPECT_EQ(english.adjective_of("water"), "");
}

TEST(Lexicon, ReadsItsTwoParts) {
  const Lexicon lexicon("cat n\nman nvp\n\nate eat\n");
  EXPECT_EQ(lexicon.kinds("man"), "nv");
  EXPECT_TRUE(lexicon.is_person("men"));
  EXPECT_EQ(lexicon.verb_of("ate"), "eat");
  EXPECT_EQ(Lexicon("").kinds("cat"), "");
}

}  // namespace
}  // namespace pcnet::text
