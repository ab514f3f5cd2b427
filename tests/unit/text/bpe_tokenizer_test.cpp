#include "pcnet/text/bpe_tokenizer.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::text {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;
using Ids = std::vector<std::int64_t>;

const BpeTokenizer& tokenizer() {
  static const BpeTokenizer kTokenizer;
  return kTokenizer;
}

// The ids in these tests were printed by the `clip` package's SimpleTokenizer.
TEST(BpeTokenizer, GivesClipsIdsForEnglish) {
  EXPECT_EQ(tokenizer().encode_words("a diagram"), (Ids{320, 22697}));
  EXPECT_EQ(tokenizer().encode_words("the man in the red shirt on the left's side"),
            (Ids{518, 786, 530, 518, 736, 2523, 525, 518, 1823, 568, 1145}));
  EXPECT_EQ(tokenizer().encode_words("A  Zebra!\n"), (Ids{320, 22548, 256}));
  EXPECT_EQ(tokenizer().encode_words("2 dogs, 10%"), (Ids{273, 3255, 267, 272, 271, 260}));
  EXPECT_EQ(tokenizer().encode_words("supercalifragilisticexpialidocious"),
            (Ids{1642, 2857, 13093, 2076, 5868, 26850, 835, 639, 38466}));
}

TEST(BpeTokenizer, GivesClipsIdsForOtherScripts) {
  EXPECT_EQ(tokenizer().encode_words("caf\u00e9 \u4e2d\u6587"),
            (Ids{15304, 19759, 255, 29032, 485}));
  EXPECT_EQ(tokenizer().encode_words("\U0001f468\u200d\U0001f469\u200d\U0001f467"),
            (Ids{25023, 26304, 964, 356}));
  EXPECT_EQ(tokenizer().encode_words("e\u0301"), tokenizer().encode_words("\u00e9"));
  EXPECT_EQ(tokenizer().encode_words("\u0130"), (Ids{328, 16384}));
}

TEST(BpeTokenizer, KeepsACodePointThatOnlyLooksLikeAFinalConsonant) {
  EXPECT_EQ(tokenizer().decode(tokenizer().encode_words("\uac00\u11a7")), "\uac00\u11a7 ");
  EXPECT_EQ(tokenizer().encode_words("\u1100\u1161\u11a8"), tokenizer().encode_words("\uac01"));
}

TEST(BpeTokenizer, WritesASigmaAtTheEndOfAWordAsPythonDoes) {
  EXPECT_EQ(tokenizer().encode_words("\u039f\u0394\u039f\u03a3 \u03a3\u0391\u03a3"),
            (Ids{138, 123, 138, 112, 138, 123, 139, 480, 139, 225, 138, 109, 139, 480}));
  EXPECT_EQ(tokenizer().encode_words("\u0391\u03a3\u0391"),
            tokenizer().encode_words("\u03b1\u03c3\u03b1"));
}

TEST(BpeTokenizer, SplitsContractionsAlsoInCapitalsAndWithALongS) {
  EXPECT_EQ(tokenizer().encode_words("don't"), (Ids{847, 713}));
  EXPECT_EQ(tokenizer().encode_words("DON\u2019T"), (Ids{847, 713}));
  EXPECT_EQ(tokenizer().encode_words("I'LL we've '\u017f"),
            (Ids{328, 1342, 649, 1200, 6, 129, 379}));
}

TEST(BpeTokenizer, ReadsHtmlReferences) {
  EXPECT_EQ(tokenizer().encode_words("&lt;b&gt; &amp;amp;eacute;"), (Ids{283, 321, 285, 4166}));
  EXPECT_EQ(tokenizer().encode_words("&notit; &EACUTE; &#x80; &#0;"),
            (Ids{126, 361, 585, 282, 4166, 6309, 39802}));
  EXPECT_EQ(tokenizer().encode_words("<b>&eacute;</b>\n&eacute;"),
            (Ids{283, 321, 285, 4166, 34308, 321, 285, 4166}));
  EXPECT_EQ(tokenizer().encode_words("&#x110000; &#xD800;"), (Ids{39802, 39802}));
  EXPECT_EQ(tokenizer().encode_words("AT&T"), tokenizer().encode_words("at & t"));
}

TEST(BpeTokenizer, MendsLigaturesWidthQuotesAndTerminalColours) {
  EXPECT_EQ(tokenizer().encode_words("\ufb01sh \uff21\uff22 \u201cx\u201d"),
            (Ids{2759, 3937, 257, 343, 257}));
  EXPECT_EQ(tokenizer().encode_words("\x1b[31mred\x1b[0m"), (Ids{736}));
  EXPECT_EQ(tokenizer().encode_words("r\x01"
                                     "e\x7f"
                                     "d\ufeff"),
            (Ids{736}));
}

TEST(BpeTokenizer, LeavesWronglyDecodedTextAsItIs) {
  const std::string wrong = "\u00c3\u00a9";  // the two bytes of U+00E9 read as Latin-1
  EXPECT_NE(tokenizer().encode_words(wrong), tokenizer().encode_words("\u00e9"));
  EXPECT_EQ(tokenizer().decode(tokenizer().encode_words(wrong)), "\u00e3 \u00a9 ");
}

TEST(BpeTokenizer, GivesNoTokensForNoText) {
  EXPECT_THAT(tokenizer().encode_words(""), IsEmpty());
  EXPECT_THAT(tokenizer().encode_words("  \t\n\u3000\u2028"), IsEmpty());
  EXPECT_EQ(tokenizer().encode("", 4).ids, (Ids{49406, 49407, 0, 0}));
}

TEST(BpeTokenizer, ReadsSpecialTokensWrittenInTheText) {
  EXPECT_EQ(tokenizer().encode_words("<|startoftext|> x <|EndOfText|>"), (Ids{49406, 343, 49407}));
  EXPECT_THAT(tokenizer().encode_words("!<|endoftext|>"), Each(::testing::Lt(49406)));
}

TEST(BpeTokenizer, ReplacesWhatIsNotUtf8AsPythonDoes) {
  const std::string mark = "\ufffd";
  const std::vector<std::pair<std::string, int>> cases = {
      {"\xff", 1},
      {"\xc3", 1},
      {"\xe2\x82", 1},
      {"\xc0\xaf", 2},
      {"\xed\xa0\x80", 3},
      {"\xf0\x9f\x98", 1},
      {"\xf4\x90\x80\x80", 4},
      {"\xe2\xe2\x82", 2},
      {"\x80\x80", 2},
      {"\xf8\x88\x80\x80", 4},
  };
  for (const auto& [bytes, marks] : cases) {
    std::string wanted = "a";
    for (int i = 0; i < marks; ++i) wanted += mark;
    EXPECT_EQ(tokenizer().encode_words("a" + bytes + "b"), tokenizer().encode_words(wanted + "b"))
        << marks;
    EXPECT_EQ(tokenizer().encode_words("a" + bytes), tokenizer().encode_words(wanted)) << marks;
  }
  EXPECT_EQ(tokenizer().encode_words(mark + mark + mark), (Ids{47356, 47356, 39802}));
}

TEST(BpeTokenizer, TakesEverySingleByteAndPair) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; b += 5) {
      const std::string bytes = {static_cast<char>(a), static_cast<char>(b)};
      for (const auto id : tokenizer().encode_words(bytes)) ASSERT_LT(id, 49406);
    }
  }
}

TEST(BpeTokenizer, KeepsTheEndTokenOfALongTextUnlessItIsToBeCut) {
  const std::string text = "the man in the red shirt on the left's side";
  const Tokens kept = tokenizer().encode(text, 8);
  EXPECT_EQ(kept.ids, (Ids{49406, 518, 786, 530, 518, 736, 2523, 49407}));
  EXPECT_EQ(kept.words, 11);
  EXPECT_EQ(kept.cut, 5);
  const Tokens cut = tokenizer().encode(text, 8, Truncate::kCut);
  EXPECT_EQ(cut.ids, (Ids{49406, 518, 786, 530, 518, 736, 2523, 525}));
  EXPECT_EQ(cut.cut, 4);
  EXPECT_EQ(tokenizer().encode(text, 13).cut, 0);
  EXPECT_EQ(tokenizer().encode(text, 12).cut, 1);
  EXPECT_THROW(tokenizer().encode(text, 2), core::Error);
}

TEST(BpeTokenizer, DecodesWhatItEncoded) {
  for (const std::string text : {"a cat ! \u4e2d ", "caf\u00e9 \U0001f600 ", "! ", ""}) {
    EXPECT_EQ(tokenizer().decode(tokenizer().encode(text, 20).ids), text);
    EXPECT_EQ(tokenizer().decode(tokenizer().encode_words(text)), text);
  }
}

TEST(BpeTokenizer, DecodesAnExclamationMarkOnlyBeforeTheEndToken) {
  EXPECT_EQ(tokenizer().decode(Ids{49406, 320, 0, 256, 49407, 0, 0, 320}), "a !! ");
  EXPECT_EQ(tokenizer().decode(Ids{320, 0}), "a !");
}

TEST(BpeTokenizer, DecodesHalfACharacterAsAReplacement) {
  EXPECT_EQ(tokenizer().decode(Ids{157, 118}), "\ufffd");
}

TEST(BpeTokenizer, FailsToDecodeAnIdThatIsNotInTheVocabulary) {
  const std::vector<Ids> cases = {{49408}, {-1}, {320, 49407, 50000}};
  for (const auto& ids : cases) {
    EXPECT_THAT([&] { tokenizer().decode(ids); },
                ThrowsMessage<core::Error>(HasSubstr("vocabulary of 49408")));
  }
}

TEST(BpeTokenizer, NeedsNoWordsInACheckpoint) {
  EXPECT_THAT(tokenizer().words(), IsEmpty());
  EXPECT_EQ(tokenizer().vocabulary_size(), 49408);
}

TEST(BpeTokenizer, TakesLongTexts) {
  // 100,000 letters in one word: merged in eights ("aaaaaaaa") with the end of the word apart.
  const auto letters = tokenizer().encode_words(std::string(100'000, 'a'));
  std::string again = tokenizer().decode(letters);
  EXPECT_EQ(again, std::string(100'000, 'a') + " ");
  EXPECT_THAT(letters, SizeIs(::testing::Lt(20'000)));
  std::string amps = "&";
  for (int i = 0; i < 20'000; ++i) amps += "amp;";
  EXPECT_EQ(tokenizer().encode_words(amps), tokenizer().encode_words("&"));
  std::string marks = "a";
  for (int i = 0; i < 20'000; ++i) marks += i % 2 == 0 ? "\u0301" : "\u0323";
  EXPECT_THAT(tokenizer().encode_words(marks), SizeIs(::testing::Gt(100)));
}

TEST(BpeTokenizer, GivesTheSameIdsToManyThreads) {
  const BpeTokenizer shared;
  std::vector<std::string> texts;
  std::vector<Ids> wanted;
  for (std::size_t i = 0; i < 500; ++i) {
    texts.push_back("word" + std::to_string(i * 7) + " zebra q" + std::string(i % 20 + 1, 'x'));
    wanted.push_back(tokenizer().encode_words(texts.back()));
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 2 * texts.size(); ++i) {
        const std::size_t at = (i * (2 * t + 1)) % texts.size();
        if (shared.encode_words(texts[at]) != wanted[at]) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BpeTokenizer, GivesTheSameIdsWhenTheCacheOverflows) {
  const BpeTokenizer full;
  const auto word = [](int i) {
    std::string letters;
    for (; i > 0; i /= 26) letters += static_cast<char>('a' + i % 26);
    return "z" + letters;
  };
  const Ids before = full.encode_words(word(12345));
  for (int i = 0; i < 100'000; ++i) full.encode_words(word(i));
  EXPECT_EQ(full.encode_words(word(12345)), before);
}

}  // namespace
}  // namespace pcnet::text
