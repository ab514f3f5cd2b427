#include "pcnet/data/audit/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::vector<std::string> kWords = {"the",   "red",   "left", "cup",  "blue",
                                         "plate", "green", "a",    "vase", "bowl"};

class AuditTest : public ::testing::Test {
 protected:
  std::vector<Finding> look(const std::function<void(AuditParts&)>& change = {}) {
    dataset_.write(folder_.path());
    damage_();
    const auto files = locate_dataset(options_);
    const auto index = ReferIndex::load(files);
    const text::WordTokenizer tokenizer(kWords);
    AuditParts parts{
        .index = index, .files = files, .tokenizer = tokenizer, .text_length = 5, .threads = 2};
    if (change) change(parts);
    return audit(parts);
  }

  std::filesystem::path picture(const char* name) { return folder_ / "train2014" / name; }

  support::TemporaryFolder folder_;
  support::HandDataset dataset_ = support::small_dataset();
  config::DataOptions options_ = support::options_for(folder_.path());
  std::function<void()> damage_ = [] {};
};

auto item(const std::string& where, const std::string& what) {
  return AllOf(Field(&Fault::where, where), Field(&Fault::what, HasSubstr(what)));
}

/// The only finding: a fault (or note) of that kind with that one item.
void expect_only(const std::vector<Finding>& findings, const std::string& kind,
                 const std::string& where, const std::string& what, bool is_fault = true) {
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, kind);
  EXPECT_EQ(findings[0].is_fault, is_fault);
  EXPECT_THAT(findings[0].items, ElementsAre(item(where, what)));
  EXPECT_NE(findings[0].advice, "");
}

TEST_F(AuditTest, FindsNothingInAWholeDataset) { EXPECT_THAT(look(), IsEmpty()); }

TEST_F(AuditTest, NamesAPictureThatIsNotThere) {
  damage_ = [this] { std::filesystem::remove(picture("11.png")); };
  expect_only(look(), "missing image", "image_id 11", "train2014/11.png");
}

TEST_F(AuditTest, NamesAPictureCutShortUnlessOnlyHeadersAreRead) {
  damage_ = [this] { std::filesystem::resize_file(picture("10.png"), 200); };
  expect_only(look(), "unreadable image", "image_id 10", "cut short");
  EXPECT_THAT(look([](AuditParts& parts) { parts.decode_pictures = false; }), IsEmpty());
}

TEST_F(AuditTest, NamesAPictureOfAnotherSizeFromItsHeaderToo) {
  damage_ = [this] {
    core::write_file_plain(picture("12.png"), image::encode_png_stored(image::Picture(31, 33)));
  };
  for (const bool decode : {true, false}) {
    expect_only(look([&](AuditParts& parts) { parts.decode_pictures = decode; }),
                "image of another size", "image_id 12", "33 x 31, the annotations say 32 x 32");
  }
}

TEST_F(AuditTest, NotesAPictureWithAnOrientationAndWhatWasDoneWithIt) {
  damage_ = [this] {
    const std::string png = core::read_file(picture("12.png"));
    core::write_file_plain(picture("12.png"), support::with_orientation(png, 3));
  };
  for (const bool decode : {true, false}) {
    expect_only(look([&](AuditParts& parts) { parts.decode_pictures = decode; }),
                "image with an EXIF orientation", "image_id 12",
                "12.png has the EXIF orientation 3 and is read as stored (data.exif)", false);
  }
  options_.exif = "turned";
  expect_only(look(), "image with an EXIF orientation", "image_id 12", "and is turned", false);
}

TEST_F(AuditTest, NamesAPictureThatIsTurnedToAnotherSize) {
  options_.exif = "turned";
  damage_ = [this] {
    const std::string png = core::read_file(picture("11.png"));
    core::write_file_plain(picture("11.png"), support::with_orientation(png, 6));
  };
  for (const bool decode : {true, false}) {
    expect_only(look([&](AuditParts& parts) { parts.decode_pictures = decode; }),
                "image of another size", "image_id 11",
                "is 24 x 40, the annotations say 40 x 24; ");
  }
}

TEST_F(AuditTest, NamesAMaskWithoutAPixel) {
  dataset_.objects[3].rectangle = {0, 0, 0, 0};
  expect_only(look(), "empty mask", "ann_id 4", "image_id 12");
}

TEST_F(AuditTest, OnlyNotesAnEmptyMaskThatNothingRefersTo) {
  dataset_.objects.push_back({9, 12, {0, 0, 0, 0}});
  expect_only(look(), "empty mask that nothing refers to", "ann_id 9", "image_id 12", false);
}

TEST_F(AuditTest, NamesASentenceWithoutTokens) {
  dataset_.references[1].sentences[0].text = " ";
  expect_only(look(), "sentence without tokens", "sent_id 1002 (ref_id 101)", "\" \"");
}

TEST_F(AuditTest, NotesTextsThatAreLongerThanTheRoom) {
  dataset_.references[0].sentences[1].text = "the left red cup";
  expect_only(look(), "sentence that will be cut", "sent_id 1001 (ref_id 100)",
              "6 tokens with start and end, there is room for 5", false);
  EXPECT_THAT(look([](AuditParts& parts) { parts.text_length = 6; }), IsEmpty());
}

TEST_F(AuditTest, NotesWordsOutsideAClosedVocabulary) {
  dataset_.references[3].sentences[0].text = "the wooden bowl";
  expect_only(look(), "sentence with words that training does not know",
              "sent_id 1005 (ref_id 103)", "wooden", false);
}

TEST_F(AuditTest, NamesAReferenceWithoutSentences) {
  dataset_.references[2].sentences.clear();
  expect_only(look(), "reference without sentences", "ref_id 102", "train");
}

TEST_F(AuditTest, NamesPicturesOfTrainInAnEvaluationSplit) {
  dataset_.references.push_back({104, 3, 11, "testA", {{1006, "a vase", ""}}});
  dataset_.references.push_back({105, 4, 12, "testB", {{1007, "a bowl", ""}}});  // val too: no leak
  expect_only(look(), "image in train and in an evaluation split", "image_id 11",
              "testA: ref_id 104; train: ref_id 102");
}

TEST_F(AuditTest, KnowsTheLeakOfOneGooglePartition) {
  dataset_.references[3].split = "train";
  dataset_.references.push_back({104, 3, 11, "val", {{1006, "a vase", ""}}});
  dataset_.write(folder_.path());
  auto files = locate_dataset(support::options_for(folder_.path()));
  files.dataset = "refcocog";
  files.split_by = "google";
  const auto index = ReferIndex::load(files);
  const text::WordTokenizer tokenizer(kWords);
  const auto findings = audit({.index = index, .files = files, .tokenizer = tokenizer});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_TRUE(findings[0].is_fault);
  EXPECT_THAT(findings[0].advice, StartsWith("known of RefCOCOg's google partition"));
}

TEST_F(AuditTest, NamesSentencesWithoutCuesAndLooksAtTheCues) {
  const std::vector<std::string> good = {"a cup"};
  const std::vector<std::string> none;
  const std::vector<std::string> odd = {"", "the red left green cup"};
  const auto findings = look([&](AuditParts& parts) {
    parts.cues = [&](const Sentence& sentence) {
      if (sentence.sent_id == 1000) return static_cast<const std::vector<std::string>*>(nullptr);
      if (sentence.sent_id == 1003) return &none;
      return sentence.sent_id == 1004 ? &odd : &good;
    };
  });
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].kind, "sentence without cues");
  EXPECT_THAT(findings[0].items, ElementsAre(item("sent_id 1000 (ref_id 100)", "the red cup"),
                                             item("sent_id 1003 (ref_id 102)", "the red cup")));
  EXPECT_EQ(findings[1].kind, "cue without tokens");
  EXPECT_EQ(findings[2].kind, "cue that will be cut");
  EXPECT_EQ(count_items(findings, true), 3);
  EXPECT_EQ(count_items(findings, false), 1);
}

TEST_F(AuditTest, NamesPicturesWithoutProposalsAndWithDamagedOnes) {
  using Masks = std::vector<image::Rle>;
  const auto findings = look([&](AuditParts& parts) {
    parts.proposals = [](std::int64_t image_id) -> std::shared_ptr<const Masks> {
      if (image_id == 10) return nullptr;
      if (image_id == 12) throw core::Error("broken line 3");
      return std::make_shared<Masks>();
    };
  });
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].kind, "image without proposals");
  EXPECT_THAT(findings[0].items, ElementsAre(item("image_id 10", "no entry"),
                                             item("image_id 11", "none is left of its entry")));
  EXPECT_EQ(findings[1].kind, "damaged proposals");
  EXPECT_THAT(findings[1].items, ElementsAre(item("image_id 12", "broken line 3")));
}

TEST_F(AuditTest, TellsHowFarItIs) {
  std::vector<std::string> told;
  look([&](AuditParts& parts) {
    parts.tell = [&](const std::string& what, std::int64_t done, std::int64_t total) {
      told.push_back(core::cat(what, " ", done, " ", total));
    };
  });
  EXPECT_THAT(told, ElementsAre("images 0 3", "images 3 3", "masks 0 4", "masks 4 4"));
}

ReferIndex index_of(std::vector<std::vector<double>> polygons, std::vector<ImageRecord> images) {
  Annotation annotation;
  annotation.ann_id = 1;
  annotation.image_id = images.front().image_id;
  annotation.polygons = std::move(polygons);
  return ReferIndex::from_parts(std::move(images), {annotation}, {});
}

TEST_F(AuditTest, NamesPolygonsThatLeaveTheirPictureByMoreThanAPixel) {
  const DatasetFiles files;
  const text::WordTokenizer tokenizer(kWords);
  const auto kinds = [&](const std::vector<double>& polygon) {
    const auto index = index_of({polygon}, {{5, "none.png", 10, 20}});
    std::vector<std::string> found;
    for (const auto& finding : audit({.index = index, .files = files, .tokenizer = tokenizer})) {
      if (finding.kind != "missing image") found.push_back(finding.kind);
    }
    return found;
  };
  EXPECT_THAT(kinds({-1, 0, 21, 0, 21, 11, -1, 11}), IsEmpty());
  EXPECT_THAT(kinds({0, 0, 22, 0, 22, 5, 0, 5}), ElementsAre("mask outside of its image"));
  EXPECT_THAT(kinds({2, -3, 9, -3, 9, 5, 2, 5}), ElementsAre("mask outside of its image"));
  EXPECT_THAT(kinds({30, 0, 40, 0, 40, 5, 30, 5}),
              ElementsAre("mask outside of its image", "empty mask that nothing refers to"));
}

TEST_F(AuditTest, NamesOneFileOfTwoPictures) {
  const DatasetFiles files;
  const text::WordTokenizer tokenizer(kWords);
  const auto index = index_of({{0, 0, 9, 0, 9, 9}}, {{5, "a.png", 10, 10}, {6, "a.png", 10, 10}});
  const auto findings = audit({.index = index, .files = files, .tokenizer = tokenizer});
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind, "one file for two images");
  EXPECT_THAT(findings[0].items, ElementsAre(item("image_id 6", "a.png is image_id 5 too")));
}

TEST_F(AuditTest, PutsWhatReadingFoundFirst) {
  dataset_.write(folder_.path());
  const auto files = locate_dataset(support::options_for(folder_.path()));
  const auto index = ReferIndex::load(files);
  const text::WordTokenizer tokenizer(kWords);
  Faults faults;
  faults.add({"duplicate id", "ref_id 5", "duplicate ref_id"});
  faults.add({"unknown object", "ref_id 6", "its ann_id 7"});
  faults.add({"duplicate id", "ref_id 8", "duplicate ref_id"});
  Faults notes;
  notes.add({"no cues", "folder", "none"});
  const auto findings =
      audit({.index = index, .files = files, .tokenizer = tokenizer}, faults, notes);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].kind, "duplicate id");
  EXPECT_EQ(findings[0].items.size(), 2U);
  EXPECT_EQ(findings[1].kind, "unknown object");
  EXPECT_EQ(findings[2].kind, "no cues");
  EXPECT_FALSE(findings[2].is_fault);
}

}  // namespace
}  // namespace pcnet::data
