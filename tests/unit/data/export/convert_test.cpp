#include "pcnet/data/export/convert.h"

#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"

#include "support/hand_dataset.h"
#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// What a conversion must keep, without ids: sentence, split, mask, cues, picture.
using Kept = std::tuple<std::string, std::string, std::string, std::vector<std::string>,
                        std::vector<std::uint8_t>>;

std::vector<Kept> kept_by(Dataset& dataset) {
  std::vector<Kept> all;
  const auto& index = dataset.index();
  for (const auto& reference : index.references()) {
    const auto mask = index.mask(index.annotation(reference.ann_id));
    const auto& name = index.image(reference.image_id).file_name;
    const auto picture = image::read_picture(dataset.files().images / name);
    for (const auto& sentence : reference.sentences) {
      all.emplace_back(sentence.text, reference.split, image::to_coco_string(mask),
                       *dataset.cues().find(sentence.sent_id), picture.rgb);
    }
  }
  return all;
}

class ConvertDataset : public ::testing::Test {
 protected:
  ConvertDataset() {
    auto made = support::small_dataset();
    made.objects.push_back({5, 12, {10, 10, 3, 3}});  // nobody refers to it
    made.write(folder_ / "first");
  }
  Dataset open(const std::string& name) const {
    return Dataset(support::options_for(folder_ / name));
  }
  support::TemporaryFolder folder_;
};

TEST_F(ConvertDataset, KeepsSentencesSplitsMasksAndCuesThereAndBack) {
  for (const bool copy : {false, true}) {
    const std::string end = copy ? "_copied" : "_linked";
    Dataset first = open("first");
    const Conversion there = convert_dataset(first, {"custom", folder_ / ("custom" + end), copy});
    EXPECT_EQ(there.images, 3);
    EXPECT_EQ(there.objects, 5);
    EXPECT_EQ(there.references, 4);
    EXPECT_EQ(there.sentences, 6);
    EXPECT_EQ(there.sentences_with_cues, 6);
    Dataset second = open("custom" + end);
    EXPECT_EQ(second.files().dataset, "custom");
    EXPECT_EQ(second.index().annotations().size(), 5U);
    EXPECT_EQ(kept_by(second), kept_by(first));
    const Conversion back = convert_dataset(second, {"refer", folder_ / ("refer" + end), copy});
    EXPECT_EQ(back.sentences, 6);
    Dataset third = open("refer" + end);
    EXPECT_EQ(third.index().annotations().size(), 5U);
    EXPECT_EQ(kept_by(third), kept_by(first));
    bool links = false;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / ("refer" + end))) {
      links = links || entry.is_symlink();
    }
    EXPECT_EQ(links, !copy);
  }
}

TEST_F(ConvertDataset, WritesPicturesWithAnOrientationAsTheyAreRead) {
  image::Picture stored(24, 40);
  stored.pixel(0, 0)[0] = 200;
  core::write_file_plain(folder_ / "first/train2014/11.png",
                         support::with_orientation(image::encode_png_stored(stored), 6));
  Dataset tree = open("first");
  const Conversion there = convert_dataset(tree, {"custom", folder_ / "own"});
  EXPECT_EQ(there.rewritten_images, 1);
  Dataset own = open("own");
  const auto& record = own.index().images()[1];
  EXPECT_EQ(record.file_name, "pictures/11.png");
  EXPECT_EQ(own.pictures().original(record.image_id).rgb, stored.rgb);
  EXPECT_EQ(image::exif_orientation(folder_ / "own/pictures/11.png"), 1);
  EXPECT_EQ(convert_dataset(own, {"refer", folder_ / "back"}).rewritten_images, 0);

  // Custom pictures are turned: 24 x 40 becomes 40 x 24, the red pixel lies at the upper right.
  core::write_file_plain(folder_ / "own/pictures/11.png",
                         core::read_file(folder_ / "first/train2014/11.png"));
  core::write_file_plain(folder_ / "own/annotations.jsonl",
                         R"({"image": "pictures/11.png", "sentence": "a", "cues": ["b"]})");
  Dataset turned = open("own");
  EXPECT_EQ(convert_dataset(turned, {"refer", folder_ / "seen"}).rewritten_images, 1);
  Dataset seen = open("seen");
  EXPECT_EQ(seen.index().images()[0].height, 40);
  EXPECT_EQ(seen.pictures().original(1).pixel(0, 23)[0], 200);
}

TEST_F(ConvertDataset, KeepsPolygonsNumberByNumber) {
  fs::create_directories(folder_ / "own");
  core::write_file_plain(
      folder_ / "own/annotations.jsonl",
      R"({"image": "../first/train2014/10.png", "sentence": "a", "cues": ["b"], "mask": )"
      R"({"polygons": [[0.1, 0.30000000000000004, 7.77, 2, 5, 9.123456789], [1, 1, 3, 1, 3, 3]]}})");
  Dataset own = open("own");
  convert_dataset(own, {"refer", folder_ / "tree"});
  Dataset tree = open("tree");
  EXPECT_EQ(tree.index().annotations()[0].polygons, own.index().annotations()[0].polygons);
  EXPECT_EQ(tree.index().annotations()[0].box, own.index().annotations()[0].box);
  EXPECT_EQ(tree.files().split_by, "unc");
}

TEST_F(ConvertDataset, WritesRunLengthsAsTheListThatRefersReaderIndexes) {
  std::string text = core::read_file(folder_ / "first/toy/instances.json");
  auto instances = pcnet::core::parse_json<nlohmann::json>(text);
  auto& segmentation = instances["annotations"][0]["segmentation"];
  ASSERT_TRUE(segmentation.is_object());  // what HandDataset writes
  const nlohmann::json one = segmentation;
  segmentation = {one, one};  // two parts
  core::write_file_plain(folder_ / "first/toy/instances.json", pcnet::core::json_text(instances));
  Dataset first = open("first");
  convert_dataset(first, {"refer", folder_ / "tree"});
  const auto written = pcnet::core::parse_json<nlohmann::json>(
      core::read_file(folder_ / "tree/refer/toy/instances.json"));
  for (const auto& annotation : written["annotations"]) {
    ASSERT_TRUE(annotation["segmentation"].is_array());
    EXPECT_TRUE(annotation["segmentation"][0]["counts"].is_string());
  }
  Dataset tree = open("tree");
  convert_dataset(tree, {"custom", folder_ / "own"});
  Dataset own = open("own");
  for (const Dataset* dataset : {&tree, &own}) {
    const Annotation& object = dataset->index().annotations().front();
    ASSERT_EQ(object.rles.size(), 2U);
    EXPECT_EQ(object.rles, first.index().annotations().front().rles);
    EXPECT_EQ(image::area(dataset->index().mask(object, GroundTruth::kExclusive)), 0);
  }
}

TEST_F(ConvertDataset, RefusesAFolderThatHoldsSomethingAndLeavesNothing) {
  Dataset first = open("first");
  EXPECT_THAT(
      [&] {
        convert_dataset(first, {"custom", folder_ / "first"});
      },
      ThrowsMessage<core::Error>(HasSubstr("is not empty")));
  EXPECT_THROW(convert_dataset(first, {"coco", folder_ / "out"}), core::UsageError);
  fs::remove(folder_ / "first/train2014/11.png");
  EXPECT_THAT(
      [&] {
        convert_dataset(first, {"refer", folder_ / "out"});
      },
      ThrowsMessage<core::Error>(HasSubstr("11.png (image_id 11)")));
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path().filename(), "first");
  }
}

}  // namespace
}  // namespace pcnet::data
