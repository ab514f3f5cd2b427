#include "pcnet/cues/llm/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/cues/prompt.h"

namespace pcnet::cues {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

auto are_the_two() { return ElementsAre("the man", "man in red"); }

TEST(PhrasesIn, ReadsJsonInEveryShape) {
  for (const char* answer : {
           R"(["the man", "man in red"])",
           R"({"cues": ["the man", "man in red"]})",
           R"({"target": "man", "phrases": ["the man", "man in red"]})",
           R"([{"phrase": "the man"}, {"phrase": "man in red"}])",
           R"({"1": "the man", "2": "man in red"})",
           R"([["the man"], ["man in red"]])",
           "```json\n[\"the man\",\n \"man in red\"]\n```",
           "Sure! Here you are: [\"the man\", \"man in red\"] I hope that helps [smile].",
           "[Note] the answer is [\"the man\", \"man in red\"]",
           "<think>[\"no\"] or [\"perhaps\"]</think>\n[\"the man\", \"man in red\"]",
       }) {
    EXPECT_THAT(phrases_in(answer), are_the_two()) << answer;
  }
}

TEST(PhrasesIn, ReadsListsThatAreNoJson) {
  for (const char* answer : {
           "['the man', 'man in red']",
           "[the man, man in red]",
           "[`the man`, \"man in red\",]",
           "[\"the man\", \"man in red\", \"man with a h",  // cut off: the last one is lost
           "1. the man\n2. man in red",
           "Phrases:\n1) \"the man\".\n2) man in red;",
           "- the man\n- **man in red**\nThat is all.",
           "\xe2\x80\xa2 the man\n\xe2\x80\xa2 man in red",
           "the man\nman in red\n",
           "Answer: the man; man in red",
           "A: the man, man in red",
           "the man | man in red",
           "The phrases are \"the man\" and \"man in red\".",
       }) {
    EXPECT_THAT(phrases_in(answer), are_the_two()) << answer;
  }
  EXPECT_THAT(phrases_in("['the man', 'man's hat', \"the dog's man\"]"),
              ElementsAre("the man", "man's hat", "the dog's man"));
}

TEST(PhrasesIn, FindsNothingWhereThereIsNothing) {
  for (const char* answer :
       {"", "  \n", "[]", "{}", "<think>[\"the man\"]", "[[[]]]", "\"\"", "[1, 2]"}) {
    EXPECT_THAT(phrases_in(answer), Not(::testing::Contains("the man"))) << answer;
  }
  EXPECT_THAT(phrases_in("[]"), IsEmpty());
  EXPECT_THAT(phrases_in("<think>[\"the man\"]"), IsEmpty());
}

TEST(PhrasesIn, MakesValidTextOfAnyBytes) {
  EXPECT_THAT(phrases_in("[\"caf\xe9\", \"tab\there\"]"),
              ElementsAre("caf\xef\xbf\xbd", "tab here"));
  EXPECT_THAT(phrases_in(std::string(100000, '[')), IsEmpty());
  EXPECT_LE(phrases_in("- a\n" + std::string(3000, '\n') +
                       [] {
                         std::string many;
                         for (int i = 0; i < 500; ++i) many += "- b\n";
                         return many;
                       }())
                .size(),
            50U);
}

constexpr JudgementOptions kUsual;

TEST(JudgeAnswer, KeepsGoodCuesOnceAndNoMoreThanAsked) {
  const auto judged = judge_answer(R"(["the man", "The man", "man in red", "red", "man"])",
                                   "the man in red", {.most = 3});
  EXPECT_THAT(judged.cues, ElementsAre("the man", "man in red", "red"));
  EXPECT_THAT(judged.left_out, IsEmpty());
  EXPECT_EQ(judged.fault, "");
}

TEST(JudgeAnswer, LeavesOutWhatTheSentenceDoesNotSay) {
  const std::string answer = R"(["the man", "man with a blue hat", "tall man holds bag"])";
  const auto judged = judge_answer(answer, "the man holding a bag", kUsual);
  EXPECT_THAT(judged.cues, ElementsAre("the man"));
  EXPECT_THAT(judged.left_out,
              ElementsAre("\"man with a blue hat\": the expression does not say blue, hat",
                          "\"tall man holds bag\": the expression does not say tall"));
  const auto all = judge_answer(answer, "the man holding a bag", {.allow_new_words = true});
  EXPECT_EQ(all.cues.size(), 3U);
}

TEST(JudgeAnswer, LeavesOutPhrasesLongerThanTheSentence) {
  const auto judged =
      judge_answer(R"(["the man the man the man the man"])", "the man in red", kUsual);
  EXPECT_THAT(judged.cues, IsEmpty());
  EXPECT_THAT(judged.fault, HasSubstr("longer than the expression"));
}

TEST(JudgeAnswer, LeavesOutPhrasesThatSayNothing) {
  // As a model's last line may be when its answer is cut off.
  const auto judged = judge_answer("- the horse\n- The\n- in a", "the horse in the ring", kUsual);
  EXPECT_THAT(judged.cues, ElementsAre("the horse"));
  EXPECT_THAT(judged.left_out, SizeIs(2));
  EXPECT_THAT(judge_answer("The", "the horse in the ring", kUsual).fault,
              HasSubstr("says nothing"));
  EXPECT_THAT(judge_answer("[\"with that\"]", "with that", kUsual).cues, ElementsAre("with that"));
}

TEST(JudgeAnswer, SaysWhyNothingCanBeUsed) {
  EXPECT_THAT(judge_answer("[]", "the man", kUsual).fault, HasSubstr("no list of phrases"));
  EXPECT_THAT(judge_answer("I am sorry, I cannot see the image.", "the man", kUsual).fault,
              HasSubstr("does not say"));
}

// What the built-in prompt shows as good answers must pass its own gate.
TEST(JudgeAnswer, AcceptsTheExamplesOfTheBuiltInPrompt) {
  const std::string examples = parse_prompt(default_prompt(), "built in").examples;
  constexpr std::string_view kQuestion = "Expression: ";
  constexpr std::string_view kAnswer = "\nAnswer: ";
  int count = 0;
  for (std::size_t at = examples.find(kQuestion); at != std::string::npos;
       at = examples.find(kQuestion, at), ++count) {
    at += kQuestion.size();
    const std::size_t answer = examples.find(kAnswer, at);
    const std::string sentence = examples.substr(at, answer - at);
    const std::size_t from = answer + kAnswer.size();
    const auto judged =
        judge_answer(examples.substr(from, examples.find('\n', from) - from), sentence, kUsual);
    EXPECT_FALSE(judged.cues.empty()) << sentence;
    EXPECT_THAT(judged.left_out, IsEmpty()) << sentence;
  }
  EXPECT_GE(count, 6);
}

}  // namespace
}  // namespace pcnet::cues
