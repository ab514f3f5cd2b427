#include "pcnet/cues/rules.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/random.h"
#include "pcnet/text/plain_text.h"

namespace pcnet::cues {
namespace {

using ::testing::ElementsAre;

TEST(RuleCues, NameTheTargetThenEachThingSaidOfIt) {
  EXPECT_THAT(rule_cues("the woman in a red dress holding an umbrella"),
              ElementsAre("the woman", "woman in a red dress", "woman holding an umbrella"));
  EXPECT_THAT(rule_cues("man with gold necklace"), ElementsAre("man", "man with gold necklace"));
}

TEST(RuleCues, TellAttributesApart) {
  EXPECT_THAT(rule_cues("the big brown teddy bear"),
              ElementsAre("the teddy bear", "big teddy bear", "brown teddy bear"));
  EXPECT_THAT(rule_cues("black and white cat"), ElementsAre("cat", "black and white cat"));
  EXPECT_THAT(rule_cues("top left pizza slice"),
              ElementsAre("pizza slice", "top left pizza slice"));
  EXPECT_THAT(rule_cues("bigger elephant"), ElementsAre("elephant", "bigger elephant"));
}

TEST(RuleCues, KeepWhatBelongsToAnotherObjectWithIt) {
  EXPECT_THAT(rule_cues("man next to the woman in red"),
              ElementsAre("man", "man next to the woman in red"));
  EXPECT_THAT(rule_cues("man holding a bat over his shoulder"),
              ElementsAre("man", "man holding a bat over his shoulder"));
  EXPECT_THAT(rule_cues("cat on the table next to the laptop"),
              ElementsAre("cat", "cat on the table", "cat next to the laptop"));
}

TEST(RuleCues, KeepAComparisonWhole) {
  EXPECT_THAT(rule_cues("a kite that flies higher than the trees left of the house"),
              ::testing::Contains("kite left of the house"));
  EXPECT_THAT(rule_cues("the boy taller than the girl"),
              ElementsAre("the boy", "boy taller than the girl"));
  EXPECT_THAT(rule_cues("the shelf lower than the lamp and left of the door"),
              ElementsAre("the shelf", "shelf lower than the lamp", "shelf left of the door"));
  EXPECT_THAT(rule_cues("the dog that is much bigger than the other dog"),
              ElementsAre("the dog", "dog much bigger than the other dog"));
  EXPECT_THAT(rule_cues("a kite that flies higher than the trees"),
              ElementsAre("a kite", "kite flies higher than the trees"));
}

TEST(RuleCues, LeaveTheSideOfAnotherObjectToTheTarget) {
  EXPECT_THAT(rule_cues("man in a hat left of the tree"),
              ElementsAre("man", "man in a hat", "man left of the tree"));
}

TEST(RuleCues, TakeSentencesOfSeveralClausesApart) {
  EXPECT_THAT(rule_cues("the striped cup which is small and to the left of the large blue plate"),
              ElementsAre("the cup", "striped cup", "cup small",
                          "cup to the left of the large blue plate"));
  EXPECT_THAT(
      rule_cues("the cup with dots under a small plate and on the right side"),
      ElementsAre("the cup", "cup with dots", "cup under a small plate", "cup on the right side"));
  EXPECT_THAT(rule_cues("the cup that is small and higher than the hollow cross"),
              ElementsAre("the cup", "cup small", "cup higher than the hollow cross"));
  EXPECT_THAT(
      rule_cues("the cup with stripes left of the plate and above a fork"),
      ElementsAre("the cup", "cup with stripes", "cup left of the plate", "cup above a fork"));
  EXPECT_THAT(rule_cues("the cup with stripes lower than the plate"),
              ElementsAre("the cup", "cup with stripes", "cup lower than the plate"));
  EXPECT_THAT(rule_cues("the cyan cup on the left of a cyan big hollow ball"),
              ElementsAre("the cup", "cyan cup", "cup on the left of a cyan big hollow ball"));
}

TEST(RuleCues, LeaveLinkingWordsOut) {
  EXPECT_THAT(rule_cues("There is a boy who is sitting on the bench."),
              ElementsAre("a boy", "boy sitting on the bench"));
  EXPECT_THAT(rule_cues("the giraffe whose head is turned"),
              ElementsAre("the giraffe", "giraffe whose head is turned"));
}

TEST(RuleCues, ReadTypographicTextAsItWouldBeTyped) {
  EXPECT_THAT(rule_cues("the big brown teddy\u00A0bear"),
              ElementsAre("the teddy bear", "big teddy bear", "brown teddy bear"));
  EXPECT_EQ(rule_cues("the woman\u2019s hat \u2014 \u201Cred\u201D\u2026"),
            rule_cues("the woman's hat - \"red\"..."));
}

TEST(RuleCues, ReadTheShortStyle) {
  EXPECT_THAT(rule_cues("guy left"), ElementsAre("guy", "guy left"));
  EXPECT_THAT(rule_cues("lady w/ purse"), ElementsAre("lady", "lady w/ purse"));
  EXPECT_THAT(rule_cues("second man from left"), ElementsAre("man", "second man from left"));
  EXPECT_THAT(rule_cues("far right"), ElementsAre("far right"));
  EXPECT_THAT(rule_cues("2nd from right"), ElementsAre("2nd from right"));
  EXPECT_THAT(rule_cues("zebra"), ElementsAre("zebra"));
}

TEST(RuleCues, KeepANegationWithWhatItDenies) {
  EXPECT_THAT(rule_cues("man not wearing a helmet"),
              ElementsAre("man", "man not wearing a helmet"));
}

TEST(RuleCues, AreTheTextItselfWhereItHoldsNoWord) {
  EXPECT_THAT(rule_cues(""), ElementsAre(""));
  EXPECT_THAT(rule_cues("..."), ElementsAre("..."));
}

TEST(RuleCues, JoinTheLastOnesWhereThereAreTooMany) {
  const std::string text =
      "the small old red car with a flag on the roof near a tree behind a fence";
  const auto all = rule_cues(text, 20);
  const auto few = rule_cues(text, 4);
  EXPECT_GT(all.size(), 4U);
  EXPECT_EQ(few.size(), 4U);
  EXPECT_EQ(few.front(), all.front());
  EXPECT_NE(few.back().find("fence"), std::string::npos);  // nothing that was said is lost
  EXPECT_EQ(rule_cues(text, 1).size(), 1U);
}

/// Words of the cue, each found in the sentence after the one before.
bool is_in_order(const std::string& cue, const std::string& sentence) {
  std::istringstream words(cue);
  std::size_t at = 0;
  for (std::string word; words >> word;) {
    at = sentence.find(word, at);
    if (at == std::string::npos) return false;
    at += word.size();
  }
  return true;
}

TEST(RuleCuesProperties, HoldForAnyBytes) {
  const std::vector<std::string> pieces = {
      "the ",  "man",      " in ", "red", "left",   " of ",    " who is ", "holding", " ", ",",
      "woman", "\xc3\xa9", "\xff", "w/",  "2nd",    "'s",      "and",      "to ",     ".", "-",
      "next ", "one",      "\t",   "is",  "not",    "sitting", "of",       "whose",   "&", "(",
      "his",   "very",     "side", "\n",  "corner", "with",    "black",    "a ",      "/", "most"};
  core::Rng rng(11);
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text;
    for (std::size_t k = rng.below(14); k > 0; --k) {
      text += pieces[rng.below(pieces.size())];
      if (rng.below(2) == 0) text += ' ';
    }
    const std::size_t most = 1 + rng.below(6);
    const auto cues = rule_cues(text, most);
    ASSERT_FALSE(cues.empty()) << text;
    ASSERT_LE(cues.size(), most) << text;
    ASSERT_EQ(std::set<std::string>(cues.begin(), cues.end()).size(), cues.size()) << text;
    const std::string typed = text::plain_text(text);
    for (const auto& cue : cues) ASSERT_TRUE(is_in_order(cue, typed)) << text << " | " << cue;
    ASSERT_EQ(rule_cues(text, most), cues) << text;
  }
}

}  // namespace
}  // namespace pcnet::cues
