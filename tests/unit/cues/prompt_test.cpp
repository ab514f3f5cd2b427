#include "pcnet/cues/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::cues {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

constexpr const char* kWhole =
    "for nobody\n"
    "[question]\nQ: {sentence}\nA:\n"
    "[general instruction]\nTake it apart.\n\n"
    "[output constraints]\nAt most {count}.\r\n"
    "[in-context examples]\n[\"a list\", \"is no heading\"]\n";

TEST(Prompt, ReadsItsPartsInAnyOrder) {
  const Prompt prompt = parse_prompt(kWhole, "p.txt");
  EXPECT_EQ(prompt.instruction, "Take it apart.");
  EXPECT_EQ(prompt.constraints, "At most {count}.");
  EXPECT_EQ(prompt.examples, "[\"a list\", \"is no heading\"]");
  EXPECT_EQ(prompt.question, "Q: {sentence}\nA:");
}

TEST(Prompt, AsksInThePapersOrder) {
  EXPECT_EQ(
      parse_prompt(kWhole, "p.txt").ask(" the red cup\n", 4),
      "Take it apart.\n\nAt most 4.\n\n[\"a list\", \"is no heading\"]\n\nQ: the red cup\nA:");
}

TEST(Prompt, LeavesPlaceholdersInASentenceAsTheyAre) {
  EXPECT_THAT(parse_prompt(kWhole, "p.txt").ask("{count} {sentence}", 4),
              HasSubstr("Q: {count} {sentence}\nA:"));
}

TEST(Prompt, TellsWhatIsWrongWithAFile) {
  const auto expect_fault = [](const std::string& text, const std::string& where,
                               const std::string& what) {
    EXPECT_THAT([&] { parse_prompt(text, "p.txt"); },
                ThrowsMessage<core::Error>(AllOf(StartsWith(where), HasSubstr(what))))
        << text;
  };
  const std::string whole = kWhole;
  expect_fault(whole + "[Answers]\n", "p.txt:12: ", "unknown heading [Answers]");
  expect_fault(whole + "[question]\nx\n", "p.txt:12: ", "[question] comes twice");
  expect_fault("", "p.txt: ", "there is no [general instruction]");
  std::string empty = whole;
  empty.replace(empty.find("At most {count}."), 16, " ");
  expect_fault(empty, "p.txt:8: ", "nothing stands under [output constraints]");
  std::string silent = whole;
  silent.replace(silent.find("{sentence}"), 10, "sentence");
  expect_fault(silent, "p.txt:2: ", "{sentence}");
}

TEST(DefaultPrompt, IsWholeAndShowsGoodAnswers) {
  const Prompt prompt = parse_prompt(default_prompt(), "built in");
  EXPECT_THAT(prompt.ask("the red cup", 5),
              AllOf(HasSubstr("1 to 5 phrases"), HasSubstr("Expression: the red cup\nAnswer:")));
}

}  // namespace
}  // namespace pcnet::cues
