#include "pcnet/data/proposals/clip_scores.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"

#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const ProposalKey kKey = {.digest = "crc32:1a2b3c4d", .filter = {{"most", "40"}}};

std::string head() { return clip_scores_head(kKey, {{"method", "clip-crop"}}) + "\n"; }

TEST(ClipScores, AreReadAsTheyWereWritten) {
  support::TemporaryFolder folder;
  core::write_file_plain(folder / "s.jsonl",
                         head() + clip_scores_line(7, "the \"red\" cup", {0.25F, -INFINITY, -2}) +
                             "\n" + clip_scores_line(8, "a vase", {}) + "\n");
  const ClipScores scores(folder / "s.jsonl");
  EXPECT_EQ(scores.proposals(), kKey);
  EXPECT_EQ(scores.size(), 2U);
  EXPECT_THAT(*scores.find(7, "the \"red\" cup"), ElementsAre(0.25F, -INFINITY, -2.0F));
  EXPECT_THAT(*scores.find(8, "a vase"), ElementsAre());
  EXPECT_EQ(scores.find(9, "a vase"), nullptr);
  EXPECT_THAT([&] { scores.find(8, "a glass"); },
              ThrowsMessage<core::Error>(HasSubstr("of sent_id 8 are of another sentence")));
}

TEST(ClipScores, AreWrittenToSixDecimals) {
  EXPECT_EQ(clip_scores_line(7, "a", {0.12345678F, 1.0F / 3, -INFINITY}),
            R"({"sent_id":7,"sentence":"a","scores":[0.123457,0.333333,null]})");
  const auto line = core::parse_json<nlohmann::json>(head());
  EXPECT_EQ(line["format"], "pcnet-clip-scores");
  EXPECT_EQ(line["method"], "clip-crop");
  EXPECT_EQ(line["proposals"]["digest"], kKey.digest);
}

TEST(ClipScores, RefuseWhatBreaksTheFormat) {
  const std::string line = clip_scores_line(7, "a", {0.5F}) + "\n";
  const auto expect = [](const std::string& text, const std::string& word) {
    EXPECT_THAT([&] { ClipScores(text, "s.jsonl"); }, ThrowsMessage<core::Error>(HasSubstr(word)))
        << text;
  };
  expect("", "s.jsonl: it is empty");
  expect(line, "s.jsonl:1: no head");
  expect(R"({"format":"pcnet-proposals"})", "pcnet proposals score");
  expect(R"({"format":"pcnet-clip-scores","version":2})", "version 2, wanted 1");
  expect(R"({"format":"pcnet-clip-scores","version":1,"proposals":{"filter":{}}})", "\"digest\"");
  expect(head() + line + line, "s.jsonl:3: duplicate sent_id 7");
  expect(head() + R"({"sentence":"a","scores":[]})", "s.jsonl:2: no \"sent_id\"");
  expect(head() + R"({"sent_id":1,"sentence":"a","scores":3})", "wanted a list");
  expect(head() + R"({"sent_id":1,"sentence":"a","scores":["x"]})", "a score is");
  expect(head() + R"({"sent_id":1,"sentence":"a","scores":[1e99]})", "a score is");
  expect(head() + R"({"sent_id":1,"sentence":2,"scores":[]})", "wanted a text");
}

}  // namespace
}  // namespace pcnet::data
