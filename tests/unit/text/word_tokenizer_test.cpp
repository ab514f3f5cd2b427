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

TEST(SplitWords, PartsAtSpacesDashesAndQuotesOfEveryKind) {
  for (const char* between :
       {"\u00A0", "\u2009", "\u202F", "\u3000", "\u200B", "\u2028", "\u2010", "\u2011", "\u2013",
        "\u2014", " \u2014 ", "\u2212", "\u2026", "\uFF0C", "\u2022", "\u00B7", "\u201D \u201C"}) {
    EXPECT_THAT(split_words(std::string("blue") + between + "square"),
                ElementsAre("blue", "square"))
        << between;
  }
  for (const char* apostrophe : {"'", "\u2019", "\u2018", "\u02BC", "\u00B4", "\uFF07"}) {
    EXPECT_THAT(split_words(std::string("girl") + apostrophe + "s"), ElementsAre("girl", "s"))
        << apostrophe;
  }
}

TEST(SplitWords, ReadsOverWhatIsNotSeen) {
  for (const char* unseen :
       {"\u00AD", "\uFEFF", "\u200C", "\u200D", "\u2060", "\uFE0F", "\u200E"}) {
    EXPECT_THAT(split_words(std::string(unseen) + "re" + unseen + "d"), ElementsAre("red"))
        << unseen;
  }
}

TEST(SplitWords, TakesCompatibleFormsAndCasesAsOne) {
  EXPECT_THAT(split_words("\uFF32\uFF25\uFF24 \uFB02ower no\u00B2"),
              ElementsAre("red", "flower", "no2"));
  EXPECT_THAT(split_words("Caf\u00E9 CAFE\u0301 \u00C9COLE"),
              ElementsAre("caf\u00E9", "caf\u00E9", "\u00E9cole"));
  EXPECT_THAT(split_words("\u0301 \u0663"), ElementsAre("\u0663"));  // a mark on nothing
}

TEST(SplitWords, TakesIdeographsAndSymbolsOneByOne) {
  EXPECT_THAT(split_words("\u7EA2\u8272cup"), ElementsAre("\u7EA2", "\u8272", "cup"));
  EXPECT_THAT(split_words("the \U0001F534circle"), ElementsAre("the", "\U0001F534", "circle"));
}

TEST(SplitWords, KeepsWhatIsNoUtf8AsAWordThatNobodyKnows) {
  EXPECT_THAT(split_words("a \xff\xfe caf\xe9"), ElementsAre("a", "\uFFFD\uFFFD", "caf\uFFFD"));
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

TEST(WordTokenizer, KeepsTheIdsOfWordsThatEarlierVersionsTookForOne) {
  const WordTokenizer tokenizer({"blue\u00A0square", "\u00C9cole", "red", "RED\u00AD"});
  EXPECT_EQ(tokenizer.encode("red \u00E9cole", 4).ids, (Ids{5, 3, 2, 6}));
  EXPECT_THAT(tokenizer.encode("blue\u00A0square", 4).unknown_words, ElementsAre("blue", "square"));
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
