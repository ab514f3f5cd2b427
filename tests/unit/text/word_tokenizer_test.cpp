#include "pcnet/text/word_tokenizer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Ids = std::vector<std::int64_t>;

TEST(SplitWords, KeepsLettersAndDigitsInLowerCase) {
  EXPECT_THAT(split_words("The  RED-cup, no. 2!"), ElementsAre("the", "red", "cup", "no", "2"));
  EXPECT_THAT(split_words("left\tof\nit"), ElementsAre("left", "of", "it"));
}

TEST(SplitWords, GivesNothingForNoWord) {
  EXPECT_THAT(split_words(""), IsEmpty());
  EXPECT_THAT(split_words(" ,.;-\n"), IsEmpty());
}

TEST(SplitWords, KeepsNonAsciiBytesEvenWhenTheyAreNoUtf8) {
  EXPECT_THAT(split_words("Caf\xc3\xa9 au lait"), ElementsAre("caf\xc3\xa9", "au", "lait"));
  EXPECT_THAT(split_words("a \xff\xfe b"), ElementsAre("a", "\xff\xfe", "b"));
}

TEST(WordTokenizer, NumbersPaddingWordsStartAndEnd) {
  const WordTokenizer tokenizer({"red", "cup", "left"});
  EXPECT_EQ(tokenizer.start_token(), 4);
  EXPECT_EQ(tokenizer.end_token(), 5);
  EXPECT_EQ(tokenizer.vocabulary_size(), 6);
  const Tokens tokens = tokenizer.encode("Left RED cup", 8);
  EXPECT_EQ(tokens.ids, (Ids{4, 3, 1, 2, 5, 0, 0, 0}));
  EXPECT_EQ(tokens.cut, 0);
  EXPECT_EQ(tokens.words, 3);
}

TEST(WordTokenizer, LeavesUnknownWordsOutAndNamesThem) {
  const WordTokenizer tokenizer({"red", "cup"});
  const Tokens tokens = tokenizer.encode("the red Vase cup", 6);
  EXPECT_EQ(tokens.ids, (Ids{3, 1, 2, 4, 0, 0}));
  EXPECT_THAT(tokens.unknown_words, ElementsAre("the", "vase"));
  EXPECT_EQ(tokens.words, 2);
  EXPECT_EQ(tokenizer.encode("", 3).ids, (Ids{3, 4, 0}));
  EXPECT_EQ(tokenizer.encode("", 3).words, 0);
}

TEST(WordTokenizer, KeepsTheEndTokenOfALongTextUnlessItIsToBeCut) {
  const WordTokenizer tokenizer({"a", "b", "c"});
  const Tokens kept = tokenizer.encode("a b c a b", 4);
  EXPECT_EQ(kept.ids, (Ids{4, 1, 2, 5}));
  EXPECT_EQ(kept.cut, 3);
  const Tokens cut = tokenizer.encode("a b c a b", 4, Truncate::kCut);
  EXPECT_EQ(cut.ids, (Ids{4, 1, 2, 3}));
  EXPECT_EQ(cut.cut, 2);
  const Tokens fitting = tokenizer.encode("a b", 4, Truncate::kCut);
  EXPECT_EQ(fitting.ids, (Ids{4, 1, 2, 5}));
  EXPECT_EQ(fitting.cut, 0);
}

TEST(WordTokenizer, TakesTheSortedDistinctWordsOfTexts) {
  const auto tokenizer = WordTokenizer::from_texts({"The red cup", "the CUP left", ""});
  EXPECT_THAT(tokenizer.words(), ElementsAre("cup", "left", "red", "the"));
}

TEST(WordTokenizer, RefusesAWordTwice) {
  EXPECT_THAT(
      [] {
        WordTokenizer({"red", "cup", "red"});
      },
      ThrowsMessage<core::Error>(HasSubstr("\"red\" twice")));
}

TEST(WordTokenizer, RefusesWordsThatNoTextCanHold) {
  EXPECT_THAT([] { WordTokenizer({"red", "Cup"}); }, ThrowsMessage<core::Error>(HasSubstr("Cup")));
  EXPECT_THROW(WordTokenizer({""}), core::Error);
  EXPECT_THROW(WordTokenizer({"two words"}), core::Error);
}

TEST(WordTokenizer, RefusesALengthWithoutRoomForAWord) {
  const WordTokenizer tokenizer({"a"});
  EXPECT_THROW(tokenizer.encode("a", 2), core::Error);
  EXPECT_EQ(tokenizer.encode("a", 3).ids, (Ids{2, 1, 3}));
}

TEST(WordTokenizer, TakesTextsOfTenThousandCharacters) {
  const WordTokenizer tokenizer({"ab"});
  std::string words;
  while (words.size() < 10000) words += "ab x ";
  const Tokens tokens = tokenizer.encode(words, 20);
  EXPECT_EQ(tokens.words, 2000);
  EXPECT_EQ(tokens.unknown_words.size(), 2000U);
  EXPECT_EQ(tokens.cut, 1982);
  EXPECT_EQ(tokens.ids.size(), 20U);
  EXPECT_EQ(tokens.ids.back(), tokenizer.end_token());
  const Tokens one = tokenizer.encode(std::string(10000, 'a'), 20);
  EXPECT_EQ(one.words, 0);
  EXPECT_EQ(one.unknown_words.at(0).size(), 10000U);
}

}  // namespace
}  // namespace pcnet::text
