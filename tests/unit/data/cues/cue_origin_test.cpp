#include "pcnet/data/cues/cue_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/data/sources/dataset.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The sentences of small_dataset: 1000 "the red cup" to 1005 "the green bowl".
class CueOrigin : public ::testing::Test {
 protected:
  void SetUp() override {
    support::small_dataset().write(folder_.path());
    files_ = locate_dataset(support::options_for(folder_.path()));
    index_ = ReferIndex::load(files_);
  }
  CueStore store(const std::string& lines) const {
    core::write_file_plain(folder_ / "c.jsonl", lines);
    return CueStore(folder_ / "c.jsonl");
  }
  std::string foreign(const std::string& lines) const {
    const auto other = other_sentences(store(lines), index_, files_);
    return other.are_foreign ? other.what : "";
  }
  std::string edited(const std::string& lines) const {
    const auto other = other_sentences(store(lines), index_, files_);
    return other.are_foreign ? "" : other.what;
  }

  support::TemporaryFolder folder_;
  DatasetFiles files_;
  ReferIndex index_;
};

TEST_F(CueOrigin, KnowsTheSentencesThatCuesWereMadeOf) {
  EXPECT_EQ(foreign(cue_line(1000, {"cup"}, "the red cup")), "");
  EXPECT_EQ(foreign(cue_line(7, {"cup"}, "of a larger dataset") + "\n" +
                    cue_line(1005, {"bowl"}, "the green bowl")),
            "");
  EXPECT_EQ(foreign(cue_line(1000, {"cup"})), "");
  const auto fault =
      foreign(cue_line(1000, {"cup"}, "the red cup") + "\n" + cue_line(1001, {"dog"}, "left dog") +
              "\n" + cue_line(1002, {"cat"}, "right cat"));
  EXPECT_THAT(fault, AllOf(HasSubstr("c.jsonl were made of other sentences (2 of 3)"),
                           HasSubstr("sent_id 1001 is \"left dog\" there and \"the left cup\" in "
                                     "this toy (unc)")));
}

TEST_F(CueOrigin, WarnsOfAFewEditedSentences) {
  auto many = support::small_dataset();
  std::string lines;
  for (std::int64_t id = 2000; id < 2010; ++id) {
    many.references[0].sentences.push_back({id, "a cup", ""});
    lines += cue_line(id, {"cup"}, "a cup") + "\n";
  }
  many.write(folder_.path());
  index_ = ReferIndex::load(files_);
  EXPECT_EQ(edited(lines), "");
  lines += cue_line(1000, {"cup"}, "the ret cup") + "\n";
  EXPECT_EQ(foreign(lines), "");  // 1 of 11
  EXPECT_THAT(edited(lines), AllOf(HasSubstr("(1 of 11)"),
                                   HasSubstr("\"the ret cup\" there and \"the red cup\"")));
  lines += cue_line(1001, {"cup"}, "left") + "\n";
  EXPECT_THAT(foreign(lines), HasSubstr("(2 of 12)"));
  EXPECT_EQ(edited(lines), "");
}

TEST_F(CueOrigin, WarnsOfCuesThatDoNotSayIt) {
  EXPECT_EQ(unnamed_cues(store(cue_line(1000, {"cup"}, "the red cup")), index_), "");
  EXPECT_EQ(unnamed_cues(store(cue_line(7, {"cup"})), index_), "");  // none is taken
  const auto fitting = unnamed_cues(store(cue_line(1000, {"thing", "A CUP."})), index_);
  EXPECT_THAT(fitting, HasSubstr("taken by sent_id alone"));
  EXPECT_EQ(fitting.find("another dataset"), std::string::npos);
  EXPECT_THAT(unnamed_cues(store(cue_line(1000, {"cup"}) + "\n" + cue_line(1001, {"dog"})), index_),
              HasSubstr("those of 1 of 2 sentences have no word of their sentence"));
}

TEST_F(CueOrigin, ADatasetRefusesForeignCues) {
  auto options = support::options_for(folder_.path());
  options.cues = (folder_ / "c.jsonl").string();
  core::write_file_plain(options.cues, cue_line(1000, {"dog"}, "left dog"));
  Dataset dataset(options);
  EXPECT_THAT([&] { dataset.cues(); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("left dog"), HasSubstr("pcnet cues make"),
                                               HasSubstr("--cues rules"))));
  core::write_file_plain(options.cues, cue_line(1000, {"cup"}, "the red cup"));
  EXPECT_NE(Dataset(options).cues().find(1000), nullptr);
}

TEST_F(CueOrigin, TakesWhatIsNoUtf8AsJsonKeepsIt) {
  index_ = ReferIndex::from_parts({{1, "a.png", 8, 8}}, {{.ann_id = 2, .image_id = 1}},
                                  {{3, 2, 1, "train", {{1000, "caf\xe9", "", {}}}}});
  EXPECT_EQ(foreign(cue_line(1000, {"caf"}, "caf\xe9")), "");
  EXPECT_NE(foreign(cue_line(1000, {"caf"}, "cafe")), "");
}

TEST_F(CueOrigin, ADatasetAsksForCuesByRulesOnce) {
  auto options = support::options_for(folder_.path());
  options.cues = config::kCuesByRules;
  EXPECT_THROW(Dataset{options}, core::UsageError);
  int asked = 0;
  const auto make = [&](const ReferIndex& index) {
    ++asked;
    EXPECT_EQ(index.references().size(), 4U);
    return CueStore({{1000, {"made"}}}, "rules");
  };
  Dataset dataset(options, Pictures::kUsed, make);
  EXPECT_TRUE(dataset.has_cues());
  EXPECT_EQ(dataset.opened_cues(), nullptr);
  EXPECT_EQ(dataset.cues().find(1000)->front(), "made");
  EXPECT_EQ(dataset.cues().find(1001), nullptr);
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace pcnet::data
