#include "pcnet/cues/quality.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/data/cues/cue_store.h"
#include "pcnet/text/bpe_tokenizer.h"

namespace pcnet::cues {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Looks at the cues of these sentences, sent_ids from 1.
Quality look(const std::vector<std::pair<std::string, std::vector<std::string>>>& sentences,
             double tolerance = 1) {
  data::Reference reference{.ref_id = 4, .ann_id = 1, .image_id = 1, .split = "train"};
  data::CuesBySentence cues;
  for (const auto& [text, own] : sentences) {
    const auto sent_id = static_cast<std::int64_t>(reference.sentences.size()) + 1;
    reference.sentences.push_back({.sent_id = sent_id, .text = text});
    cues.emplace(sent_id, own);
  }
  data::Annotation object{.ann_id = 1, .image_id = 1};
  object.polygons = {{0, 0, 4, 0, 4, 4}};
  const auto index =
      data::ReferIndex::from_parts({{1, "1.jpg", 8, 8}}, {object}, {std::move(reference)});
  const data::CueStore store(std::move(cues), "made.jsonl");
  const data::DatasetFiles files;
  const text::BpeTokenizer tokenizer;
  return look_at_cues({.index = index,
                       .files = files,
                       .tokenizer = tokenizer,
                       .cues = [&](const data::Sentence& s) { return store.find(s.sent_id); }},
                      tolerance);
}

TEST(LookAtCues, FindsNothingInGoodCues) {
  const auto quality = look({{"the red cup on the left", {"the cup", "red cup", "cup on the left"}},
                             {"left man", {"man", "left man", "man", "left man", "man"}}});
  EXPECT_THAT(quality.findings, IsEmpty());
  EXPECT_EQ(quality.sentences, 2);
  EXPECT_EQ(quality.with_cues, 2);
  EXPECT_THAT(quality.by_different, ElementsAre(0, 1, 1, 0, 0));
  EXPECT_EQ(quality.cues, 5);
  EXPECT_EQ(quality.words, 2 + 2 + 4 + 1 + 2);
  EXPECT_EQ(quality.sentence_words, 3 + 2);  // red, cup, left; left, man
  EXPECT_EQ(quality.said_words, 5);
}

TEST(LookAtCues, CountsWhatTheCuesDoNotSay) {
  const auto quality = look({{"the red cup on the left", {"the cup", "red cup"}}});
  EXPECT_EQ(quality.sentence_words, 3);
  EXPECT_EQ(quality.said_words, 2);
}

/// The only finding: a note of that kind with that text.
void expect_note(const std::string& sentence, const std::vector<std::string>& cues,
                 const std::string& kind, const std::string& what) {
  const auto quality = look({{sentence, cues}});
  ASSERT_EQ(quality.findings.size(), 1U) << sentence;
  EXPECT_EQ(quality.findings[0].kind, kind);
  EXPECT_FALSE(quality.findings[0].is_fault);
  ASSERT_EQ(quality.findings[0].items.size(), 1U);
  EXPECT_EQ(quality.findings[0].items[0].where, "sent_id 1 (ref_id 4)");
  EXPECT_THAT(quality.findings[0].items[0].what, HasSubstr(what));
  EXPECT_NE(quality.findings[0].advice, "");
}

TEST(LookAtCues, NotesEachKindOfWeakness) {
  expect_note("the red cup on the left", {"the cup", "red cup with tea"},
              "cues with words that their sentence does not have",
              "\"red cup with tea\" says tea: not in \"the red cup on the left\"");
  expect_note("the red cup", {"the cup", "Cup.", "red cup"}, "two cues that say the same",
              "\"the cup\" and \"Cup.\"");
  expect_note("red cup", {"cup", "the cup that is red"}, "cue that is longer than its sentence",
              "\"the cup that is red\"");
  expect_note("the red cup", {"the red cup", "the red cup"}, "sentence that was not taken apart",
              "the cup | red cup");
  expect_note("the red cup on the left", {"red", "on the left"}, "cues that do not name the target",
              "says cup");
}

TEST(LookAtCues, LeavesASentenceAloneThatCannotBeTakenApart) {
  EXPECT_THAT(look({{"cup", {"cup"}}, {"far left", {"far left"}}}).findings, IsEmpty());
}

TEST(LookAtCues, CallsMissingAndEmptyCuesFaults) {
  const auto quality = look({{"the red cup", {}}, {"left man", {"man", " "}}});
  ASSERT_GE(quality.findings.size(), 2U);
  EXPECT_EQ(quality.findings[0].kind, "sentence without cues");
  EXPECT_TRUE(quality.findings[0].is_fault);
  EXPECT_EQ(quality.findings[1].kind, "cue without tokens");
  EXPECT_TRUE(quality.findings[1].is_fault);
  EXPECT_EQ(quality.with_cues, 1);
}

TEST(LookAtCues, MakesAFaultOfMoreNotesThanAreTolerated) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> one_of_two = {
      {"left man", {"man", "left man"}}, {"red cup", {"red cup", "cup of tea"}}};
  EXPECT_FALSE(look(one_of_two, 0.5).findings.at(0).is_fault);
  EXPECT_TRUE(look(one_of_two, 0.49).findings.at(0).is_fault);
}

}  // namespace
}  // namespace pcnet::cues
