#include "pcnet/report/sentence_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::report {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::string kLine =
    R"({"split": "val", "sent_id": 7, "ref_id": 1, "image_id": 3, "text": "the <cat>", "hit": true, )"
    R"("iou": 0.5, "intersection": 4, "union": 8, "kind": "position"})";

std::string with(const std::string& old, const std::string& other) {
  std::string line = kLine;
  return line.replace(line.find(old), old.size(), other);
}

TEST(AnswerLines, HaveWhatAComparisonNeeds) {
  const auto answers = parse_answer_lines(
      kLine + "\r\n\n" +
          R"({"sent_id":8,"image_id":3,"text":"","hit":false,"intersection":0,"union":0})",
      "a.jsonl");
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].split, "val");
  EXPECT_EQ(answers[0].sent_id, 7);
  EXPECT_EQ(answers[0].image_id, 3);
  EXPECT_EQ(answers[0].text, "the <cat>");
  EXPECT_EQ(answers[0].kind, "position");
  EXPECT_TRUE(answers[0].score.hit);
  EXPECT_EQ(answers[0].score.intersection, 4);
  EXPECT_EQ(answers[0].score.union_, 8);
  EXPECT_EQ(answers[1].split, "");
  EXPECT_EQ(answers[1].kind, "");
  EXPECT_FALSE(answers[1].score.hit);
}

TEST(AnswerLines, NameFileAndLineOfWhatIsBroken) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {kLine.substr(0, 40), "broken JSON"},
      {"7", "got 7, wanted an object"},
      {with("\"sent_id\": 7", "\"sent_id\": 7.5"), "sent_id"},
      {with("\"hit\": true, ", ""), "hit"},
      {with("true", "1"), "hit is 1, wanted true or false"},
      {with("\"the <cat>\"", "[]"), "text is"},
      {with("\"val\"", "3"), "split is 3"},
      {with("\"union\": 8", "\"union\": 3"), "intersection 4 and union 3"},
      {with("\"intersection\": 4", "\"intersection\": -1"), "intersection -1"},
      {with("\"union\": 8", "\"union\": 9000000000000000000"), "no pixels"},
      {with("the ", ""), "sent_id 7 comes a second time in \"val\""},
  };
  for (const auto& one : cases) {
    const auto& line = one.first;
    const auto& words = one.second;
    EXPECT_THAT([&] { parse_answer_lines(kLine + "\n" + line + "\n", "a.jsonl"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("a.jsonl:2: "), HasSubstr(words))))
        << line;
  }
  EXPECT_THAT([] { parse_answer_lines("\n\n", "a.jsonl"); },
              ThrowsMessage<core::Error>(HasSubstr("a.jsonl holds no sentence")));
}

TEST(AnswerLines, MayHaveASentenceInTwoSplits) {
  EXPECT_EQ(parse_answer_lines(kLine + "\n" + with("val", "testA"), "a.jsonl").size(), 2U);
}

}  // namespace
}  // namespace pcnet::report
