#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/data/sources/dataset.h"

#include "support/hand_dataset.h"
#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

class CustomData : public ::testing::Test {
 protected:
  CustomData() {
    core::write_file_plain(folder_ / "a.png", image::encode_png_stored(image::Picture(6, 8)));
    image::write_png(folder_ / "mask.png", support::rectangle_mask(6, 8, {1, 2, 3, 4}));
  }
  DatasetFiles write(const std::string& lines) const {
    core::write_file_plain(folder_ / "annotations.jsonl", lines);
    config::DataOptions options;
    options.root = folder_.path().string();
    return locate_dataset(options);
  }
  void expect_fault(const std::string& line, const std::string& kind, const std::string& what,
                    std::size_t references = 0) const {
    Faults faults;
    const DatasetFiles files = write("\n" + line + "\n");
    EXPECT_EQ(ReferIndex::load(files, &faults).references().size(), references) << line;
    ASSERT_EQ(faults.all().size(), 1U) << line;
    EXPECT_EQ(faults.all()[0].kind, kind) << line;
    EXPECT_THAT(faults.all()[0].where, HasSubstr("annotations.jsonl:2"));
    EXPECT_THAT(faults.all()[0].what, HasSubstr(what));
    EXPECT_THAT([&] { ReferIndex::load(files); },
                ThrowsMessage<core::Error>(HasSubstr("annotations.jsonl:2: ")));
  }
  support::TemporaryFolder folder_;
};

TEST_F(CustomData, JoinsTheLinesOfAnObject) {
  const auto files =
      write(R"({"image": "a.png", "sentence": "one", "object": "x", "split": "val"})"
            "\n\n"
            R"({"image": "./a.png", "sentences": ["two", "three"], "object": "x", "split": "val",)"
            R"( "mask": {"polygons": [[1, 2, 4, 2, 4, 6, 1, 6]]}})"
            "\n"
            R"({"image": "a.png", "sentence": "four", "object": "x"})"
            "\n"
            R"({"image": "b.png", "size": [30, 20], "sentence": "five", "object": "x"})"
            "\n"
            R"({"image": "b.png", "sentences": [], "box": [1, 2, 3, 4.5]})");
  const ReferIndex index = ReferIndex::load(files);
  ASSERT_EQ(index.images().size(), 2U);
  EXPECT_EQ(index.image(1).file_name, "a.png");
  EXPECT_EQ(index.image(1).height, 6);
  EXPECT_EQ(index.image(1).width, 8);
  EXPECT_EQ(index.image(2).height, 20);
  ASSERT_EQ(index.references().size(), 3U);
  const Reference& first = index.references()[0];
  EXPECT_EQ(first.split, "val");
  ASSERT_EQ(first.sentences.size(), 3U);
  EXPECT_EQ(first.sentences[2].text, "three");
  EXPECT_EQ(first.sentences[2].sent_id, 3);
  EXPECT_EQ(index.references()[1].split, "train");
  EXPECT_EQ(index.references()[1].ann_id, first.ann_id);
  EXPECT_NE(index.references()[2].ann_id, first.ann_id);
  EXPECT_EQ(image::decode(index.mask(index.annotation(first.ann_id))).data,
            support::rectangle_mask(6, 8, {1, 2, 3, 4}).data);
  EXPECT_THAT(index.annotation(first.ann_id).box, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(index.annotations_of(2), ElementsAre(2, 3));
  EXPECT_THAT(index.annotation(3).box, ElementsAre(1, 2, 3, 4.5));
  EXPECT_THAT(index.without_mask("train"), ElementsAre(5));  // 4: line 2 drew its object
}

TEST_F(CustomData, ReadsMasksOfEveryKindAsTheSamePixels) {
  const image::Rle rle = image::encode(support::rectangle_mask(6, 8, {1, 2, 3, 4}));
  const auto files =
      write(R"({"image": "a.png", "sentence": "a", "mask": {"png": "mask.png"}})"
            "\n"
            R"({"image": "a.png", "sentence": "b", "mask": {"size": [6, 8], "counts": ")" +
            image::to_coco_string(rle) +
            "\"}}\n"
            R"({"image": "a.png", "sentence": "c", "mask": )"
            R"({"size": [6, 8], "counts": [8, 4, 2, 4, 2, 4, 24]}})");
  const ReferIndex index = ReferIndex::load(files);
  for (const std::int64_t ann_id : {1, 2, 3}) {
    EXPECT_EQ(index.mask(index.annotation(ann_id)), rle) << ann_id;
    EXPECT_THAT(index.annotation(ann_id).box, ElementsAre(1, 2, 3, 4)) << ann_id;
  }
}

TEST_F(CustomData, FeedsTheCuesOfItsLines) {
  (void)write(R"({"image": "a.png", "sentence": "a", "cues": ["x", "y"]})"
              "\n"
              R"({"image": "a.png", "sentences": ["b", "c"], "cues": [["z"], []]})");
  config::DataOptions options = support::options_for(folder_.path());
  Dataset dataset(options);
  ASSERT_EQ(dataset.cues().size(), 2U);
  EXPECT_THAT(*dataset.cues().find(1), ElementsAre("x", "y"));
  EXPECT_THAT(*dataset.cues().find(2), ElementsAre("z"));
  EXPECT_THAT(dataset.training_texts(), ElementsAre("a", "b", "c", "x", "y", "z"));
}

TEST_F(CustomData, NamesTheLineOfEveryFault) {
  expect_fault("{", "broken entry", "broken JSON");
  expect_fault(R"({"image": "a.png", "sentence": "a", "box": [0, 0, 1e400, 1]})", "broken entry",
               "broken JSON: number overflow parsing");
  expect_fault("[]", "broken entry", "wanted an object");
  expect_fault(R"({"sentence": "a"})", "missing field", "image");
  expect_fault(R"({"image": "a.png"})", "missing field", "sentence");
  expect_fault(R"({"image": "a.png", "sentense": "a"})", "unknown field",
               "did you mean \"sentence\"?");
  expect_fault(R"({"image": "a.png", "sentence": 3})", "wrong type", "sentence");
  expect_fault(R"({"image": "a.png", "sentence": "a", "split": "dev"})", "wrong type", "dev");
  expect_fault(R"({"image": "a.png", "sentence": "a", "cues": "b"})", "wrong type", "cues");
  expect_fault(R"({"image": "none.png", "sentence": "a"})", "missing image", "none.png");
}

TEST_F(CustomData, NamesTheLineOfABrokenOutlineAndKeepsItsSentence) {
  const auto expect = [&](const std::string& mask, const std::string& kind,
                          const std::string& what) {
    expect_fault(R"({"image": "a.png", "sentence": "a", )" + mask + "}", kind, what, 1);
  };
  expect(R"("mask": {"png": "no.png"})", "broken mask", "no.png");
  expect(R"("mask": {"size": [5, 8], "counts": [40]})", "wrong size", "5 x 8");
  expect(R"("mask": {"size": [6, 8], "counts": [40]})", "broken mask", "sum to 40");
  expect(R"("mask": {"polygons": [[1, 2]]})", "broken mask", "polygon");
  expect(R"("mask": {"polygon": [[1, 2, 3, 4, 5, 6]]})", "unknown field", "did you mean");
  expect(R"("mask": 7)", "broken mask", "\"mask\" is 7, wanted");
  expect(R"("box": [1, 2, 3])", "wrong type", "\"box\" is a list, wanted [x, y, width, height]");
}

TEST_F(CustomData, LeavesTheOutlineOfAnObjectOutIfAnyLineBreaksIt) {
  const std::string good = R"({"image": "a.png", "sentence": "a", "object": 1, "mask": )"
                           R"({"png": "mask.png"}})";
  const std::string bad =
      R"({"image": "a.png", "sentence": "b", "object": 1, "mask": {"polygons": [[1, 2]]}})";
  for (const auto& lines : {good + "\n" + bad, bad + "\n" + good}) {
    const ReferIndex index = ReferIndex::load(write(lines), nullptr, BrokenOutline::kLeftOut);
    ASSERT_EQ(index.damaged().size(), 1U);
    EXPECT_FALSE(index.annotation(1).has_mask());
    EXPECT_EQ(index.references().at(0).sentences.size(), 2U);
  }
}

TEST_F(CustomData, ReadsSeveralRunLengthsAsPartsOfAMask) {
  const ReferIndex index = ReferIndex::load(
      write(R"({"image": "a.png", "sentence": "a", "mask": )"
            R"([{"size": [6, 8], "counts": [0, 6, 42]}, {"size": [6, 8], "counts": [42, 6]}]})"));
  EXPECT_EQ(index.mask(index.annotation(1)), (image::Rle{6, 8, {0, 6, 36, 6}}));
  EXPECT_THAT(index.annotation(1).box, ElementsAre(0, 0, 8, 6));
}

TEST_F(CustomData, ReadsWhatWindowsWrites) {
  const ReferIndex index = ReferIndex::load(
      write("\xef\xbb\xbf"
            R"({"image": ".\\a.png", "sentence": "a", "mask": {"png": ".\\mask.png"}})"
            "\r\n"));
  EXPECT_EQ(index.image(1).file_name, "a.png");
  EXPECT_TRUE(index.annotation(1).has_mask());
}

TEST_F(CustomData, TurnsPicturesAsViewersDoUnlessToldNotTo) {
  image::Picture stored(6, 8);
  stored.pixel(0, 0)[0] = 200;  // seen at the lower right
  core::write_file_plain(folder_ / "a.png",
                         support::with_orientation(image::encode_png_stored(stored), 3));
  (void)write(R"({"image": "a.png", "sentence": "a"})");
  const auto reds = [&](config::Exif exif) {
    config::DataOptions options = support::options_for(folder_.path());
    options.exif = exif;
    Dataset dataset(options);
    const image::Picture read = dataset.pictures().original(1);
    const at::Tensor resized = *dataset.pictures().get(1);
    EXPECT_EQ(resized[0][0][0].item<int>() > 0, read.pixel(0, 0)[0] > 0);
    EXPECT_EQ(resized[0][31][31].item<int>() > 0, read.pixel(5, 7)[0] > 0);
    return std::pair<int, int>(read.pixel(0, 0)[0], read.pixel(5, 7)[0]);
  };
  EXPECT_EQ(reds(config::Exif::kAuto), std::pair(0, 200));
  EXPECT_EQ(reds(config::Exif::kTurned), std::pair(0, 200));
  EXPECT_EQ(reds(config::Exif::kStored), std::pair(200, 0));
}

TEST_F(CustomData, HasTheSizesOfTurnedPicturesAndNamesAMaskOfTheStoredOne) {
  core::write_file_plain(folder_ / "a.png", support::with_orientation(
                                                image::encode_png_stored(image::Picture(6, 8)), 6));
  Faults faults;
  auto files = write(R"({"image": "a.png", "sentence": "a", "mask": {"png": "mask.png"}})"
                     "\n"
                     R"({"image": "a.png", "sentence": "b"})");
  const auto turned = ReferIndex::load(files, &faults);
  ASSERT_EQ(turned.images().size(), 1U);
  EXPECT_EQ(turned.images()[0].height, 8);
  EXPECT_EQ(turned.images()[0].width, 6);
  ASSERT_EQ(faults.all().size(), 1U);
  EXPECT_EQ(faults.all()[0].what, "its mask is 6 x 8 (height x width), its image 8 x 6; " +
                                      (folder_ / "a.png").string() +
                                      " has the EXIF orientation 6 and is turned (data.exif)");
  files.apply_exif = false;
  EXPECT_EQ(ReferIndex::load(files).images()[0].height, 6);
}

TEST_F(CustomData, RefusesAMaskThatIsNoLabels) {
  core::write_file_plain(folder_ / "mask.png", support::png_bytes({1, 3, 8, 0, "\3\1\2"}));
  expect_fault(R"({"image": "a.png", "sentence": "a", "mask": {"png": "mask.png"}})", "broken mask",
               "mask.png: it is 8-bit grey without the label 0", 1);
}

TEST_F(CustomData, RefusesLinesThatContradictEachOther) {
  Faults faults;
  const auto index =
      ReferIndex::load(write(R"({"image": "a.png", "size": [8, 6], "sentence": "a", "object": 1, )"
                             R"("mask": {"png": "mask.png"}})"
                             "\n"
                             R"({"image": "a.png", "sentence": "b", "object": 1, "mask": )"
                             R"({"polygons": [[0, 0, 1, 0, 1, 1]]}})"
                             "\n"
                             R"({"image": "a.png", "sentence": "c", "size": [6, 8]})"),
                       &faults);
  ASSERT_EQ(faults.all().size(), 2U);
  EXPECT_THAT(faults.all()[0].what, HasSubstr("another mask"));
  EXPECT_THAT(faults.all()[1].what, HasSubstr("6 x 8"));
  EXPECT_EQ(index.references().size(), 1U);
}

TEST_F(CustomData, HasNoCuesWhenNoLineHas) {
  (void)write(R"({"image": "a.png", "sentence": "a"})");
  Dataset dataset(support::options_for(folder_.path()));
  EXPECT_THAT([&] { dataset.cues(); }, ThrowsMessage<core::Error>(HasSubstr("no cues")));
  EXPECT_THAT(dataset.index().annotations_of(9), IsEmpty());
}

}  // namespace
}  // namespace pcnet::data
