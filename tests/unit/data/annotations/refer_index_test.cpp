#include "pcnet/data/annotations/refer_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/weights/pickle.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using weights::PickleValue;

PickleValue sentence(std::int64_t sent_id, const char* text) {
  return PickleValue::Dict{{"sent_id", sent_id}, {"sent", text}, {"raw", "Not this."}};
}

PickleValue::Dict reference(std::int64_t ref_id, std::int64_t ann_id, std::int64_t image_id,
                            const char* split, PickleValue::List sentences) {
  return {{"ref_id", ref_id}, {"ann_id", ann_id}, {"image_id", image_id},
          {"split", split},   {"category_id", 1}, {"sentences", std::move(sentences)}};
}

json annotation(std::int64_t id, std::int64_t image_id, json segmentation) {
  return {{"id", id},
          {"image_id", image_id},
          {"bbox", {1, 2, 3.5, 4}},
          {"segmentation", std::move(segmentation)}};
}

json square(double left, double top, double side) {
  return {left, top, left + side, top, left + side, top + side, left, top + side};
}

class ReferIndexTest : public ::testing::Test {
 protected:
  ReferIndexTest() {
    instances_ = {
        {"images",
         {{{"id", 5}, {"file_name", "five.jpg"}, {"height", 10}, {"width", 12}},
          {{"id", 6}, {"file_name", "six.jpg"}, {"height", 4}, {"width", 3}}}},
        {"annotations",
         {annotation(1, 5, json::array({square(1, 1, 4), square(6, 5, 3)})),
          annotation(2, 5, {{"size", {10, 12}}, {"counts", {3, 4, 113}}}),
          annotation(3, 6,
                     {{"size", {4, 3}}, {"counts", image::to_coco_string({4, 3, {5, 2, 5}})}}),
          annotation(4, 6, json::array({square(0, 0, 2)}))}}};
    references_ = {reference(7, 1, 5, "train", {sentence(70, "the first"), sentence(71, "again")}),
                   reference(8, 3, 6, "val", {sentence(80, "other")})};
  }

  DatasetFiles files() const {
    DatasetFiles files;
    files.annotations = folder_ / "refs(unc).p";
    files.instances = folder_ / "instances.json";
    return files;
  }
  ReferIndex load(Faults* faults = nullptr, BrokenOutline broken = BrokenOutline::kError) const {
    core::write_file_plain(files().instances, raw_instances_.empty()
                                                  ? pcnet::core::json_text(instances_)
                                                  : raw_instances_);
    core::write_file_plain(files().annotations, weights::write_pickle(references_));
    return ReferIndex::load(files(), faults, broken);
  }
  void expect_fault(const std::string& first, const std::string& second = "") const {
    EXPECT_THAT([&] { load(); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(first), HasSubstr(second))));
  }

  support::TemporaryFolder folder_;
  json instances_;
  std::string raw_instances_;
  PickleValue::List references_;
};

TEST_F(ReferIndexTest, ReadsReferencesPicturesAndObjects) {
  const ReferIndex index = load();
  ASSERT_EQ(index.references().size(), 2U);
  const Reference& first = index.references()[0];
  EXPECT_EQ(first.ref_id, 7);
  EXPECT_EQ(first.ann_id, 1);
  EXPECT_EQ(first.image_id, 5);
  ASSERT_EQ(first.sentences.size(), 2U);
  EXPECT_EQ(first.sentences[1].sent_id, 71);
  EXPECT_EQ(first.sentences[1].text, "again");
  EXPECT_EQ(first.sentences[1].kind, "");
  EXPECT_EQ(index.image(6).file_name, "six.jpg");
  EXPECT_EQ(index.image(6).height, 4);
  EXPECT_EQ(index.image(6).width, 3);
  EXPECT_THAT(index.annotation(1).box, ElementsAre(1, 2, 3.5, 4));
  EXPECT_THAT(index.annotations_of(5), ElementsAre(1, 2));
  EXPECT_THAT(index.annotations_of(99), IsEmpty());
  EXPECT_THROW(index.image(99), core::Error);
  EXPECT_THROW(index.annotation(99), core::Error);
}

TEST_F(ReferIndexTest, DrawsTheUnionOfPolygons) {
  const ReferIndex index = load();
  image::Mask wanted = support::rectangle_mask(10, 12, {1, 1, 4, 4});
  const image::Mask second = support::rectangle_mask(10, 12, {6, 5, 3, 3});
  for (std::size_t i = 0; i < wanted.data.size(); ++i) wanted.data[i] |= second.data[i];
  EXPECT_EQ(image::decode(index.mask(index.annotation(1))).data, wanted.data);
}

TEST_F(ReferIndexTest, ReadsRunLengthsAsListAndAsString) {
  const ReferIndex index = load();
  EXPECT_EQ(index.mask(index.annotation(2)), (image::Rle{10, 12, {3, 4, 113}}));
  EXPECT_EQ(index.mask(index.annotation(3)), (image::Rle{4, 3, {5, 2, 5}}));
}

TEST_F(ReferIndexTest, SplitsByRefersRule) {
  references_.clear();
  const std::vector<const char*> splits = {"train", "val",   "test",   "testA",
                                           "testB", "testC", "testAB", "testBC"};
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const auto id = static_cast<std::int64_t>(i);
    references_.push_back(reference(id, 1, 5, splits[i], {sentence(id, "x")}));
  }
  const ReferIndex index = load();
  EXPECT_THAT(index.split("train"), ElementsAre(0));
  EXPECT_THAT(index.split("val"), ElementsAre(1));
  EXPECT_THAT(index.split("test"), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(index.split("testA"), ElementsAre(3, 6));
  EXPECT_THAT(index.split("testB"), ElementsAre(4, 6, 7));
  EXPECT_THAT(index.split("testC"), ElementsAre(5, 7));
  EXPECT_THROW(index.split("testD"), core::UsageError);
  EXPECT_THROW(index.split(""), core::UsageError);
}

TEST_F(ReferIndexTest, RefusesASplitWithoutSentences) {
  references_.push_back(reference(9, 1, 5, "testA", {}));
  const ReferIndex index = load();
  EXPECT_THAT([&] { index.split("testA"); },
              ThrowsMessage<core::Error>(HasSubstr("\"testA\" holds no sentence")));
}

TEST_F(ReferIndexTest, NamesDuplicates) {
  references_.push_back(reference(7, 1, 5, "train", {sentence(90, "x")}));
  expect_fault("ref_id 7", "duplicate ref_id");
  references_.back() = reference(9, 1, 5, "train", {sentence(80, "x")});
  expect_fault("ref_id 9", "duplicate sent_id 80");
  references_.pop_back();
  instances_["images"].push_back(instances_["images"][0]);
  expect_fault("image_id 5", "duplicate");
  instances_["images"].erase(2);
  instances_["annotations"].push_back(instances_["annotations"][1]);
  expect_fault("ann_id 2", "duplicate");
}

TEST_F(ReferIndexTest, NamesUnknownIds) {
  references_[1] = reference(8, 44, 6, "val", {});
  expect_fault("ref_id 8", "44");
  references_[1] = reference(8, 3, 55, "val", {});
  expect_fault("ref_id 8", "55");
  references_[1] = reference(8, 3, 5, "val", {});
  expect_fault("ref_id 8", "different images");
  references_.pop_back();
  instances_["annotations"][3]["image_id"] = 77;
  expect_fault("ann_id 4", "77");
}

TEST_F(ReferIndexTest, NamesMissingAndIllTypedFields) {
  references_[1] = PickleValue::Dict{{"ref_id", 8}, {"ann_id", 3}};
  expect_fault("reference 1", "\"image_id\"");
  references_[1] = PickleValue::Dict{{"ref_id", "8"}};
  expect_fault("reference 1", "\"ref_id\" is a text, wanted a whole number");
  references_[1] = PickleValue(3);
  expect_fault("reference 1", "wanted a dict");
  references_[1] = reference(8, 3, 6, "val", {PickleValue::Dict{{"sent_id", 1}}});
  expect_fault("reference 1", "\"sent\"");
  references_.pop_back();
  instances_["annotations"][2].erase("bbox");
  expect_fault("instances.json: ann_id 3: no \"bbox\"", "data.on_bad_annotation=skip");
  instances_["annotations"][2]["bbox"] = {1, 2, "3", 4};
  expect_fault("ann_id 3", "\"bbox\" is \"3\", wanted four numbers");
  instances_["annotations"][2]["id"] = "x";
  expect_fault("annotations[2] (id \"x\")", "\"id\" is \"x\", wanted a whole number");
  instances_.erase("annotations");
  expect_fault("instances.json", "no list \"annotations\"");
}

TEST_F(ReferIndexTest, NamesBrokenMasks) {
  auto& annotations = instances_["annotations"];
  annotations[1]["segmentation"]["counts"] = {3, 4, 5};
  expect_fault("ann_id 2", "its runs sum to 12, wanted height x width = 120");
  annotations[1]["segmentation"] = json::array({json::array({1, 1, 2, 2})});
  expect_fault("ann_id 2", "polygon");
  annotations[1]["segmentation"] = json::array({json::array({1, 1, 2, 2, 3, 3, 4})});
  expect_fault("ann_id 2", "polygon");
}

TEST_F(ReferIndexTest, RefusesAMaskOfAnotherSizeThanItsPicture) {
  instances_["annotations"][1]["segmentation"] = {{"size", {12, 10}}, {"counts", {120}}};
  expect_fault("ann_id 2", "12 x 10");
  instances_["annotations"][1]["segmentation"] = {{"size", {-10, -12}}, {"counts", {120}}};
  expect_fault("ann_id 2", "a side of its mask is -10, wanted 1 to 65535 px");
}

TEST_F(ReferIndexTest, RefusesPicturesWithoutSize) {
  instances_["images"][1]["height"] = 0;
  expect_fault("image_id 6", "0 x 3");
}

TEST_F(ReferIndexTest, RefusesBrokenFiles) {
  raw_instances_ = "{\"images\": [";
  expect_fault("instances.json", "broken JSON");
  raw_instances_ = "[]";
  expect_fault("instances.json", "not COCO's instances format");
  DatasetFiles files;
  files.annotations = folder_ / "none.p";
  files.instances = folder_ / "none.json";
  EXPECT_THAT([&] { ReferIndex::load(files); }, ThrowsMessage<core::Error>(HasSubstr("none.p")));
}

TEST_F(ReferIndexTest, LeavesFaultyEntriesOutAndNamesThemAll) {
  auto& annotations = instances_["annotations"];
  annotations.push_back(annotation(9, 77, json::array({square(0, 0, 2)})));
  annotations.push_back({{"id", 10}});
  annotations.push_back(annotations[0]);
  instances_["images"].push_back({{"id", 6.5}, {"file_name", "x"}, {"height", 1}, {"width", 1}});
  references_.push_back(reference(7, 1, 5, "train", {sentence(90, "x")}));
  references_.push_back(reference(11, 10, 5, "train", {sentence(91, "x")}));
  references_.push_back(reference(12, 2, 5, "train", {sentence(70, "x"), sentence(92, "y")}));
  references_.push_back(PickleValue::Dict{{"ref_id", 13}});
  Faults faults;
  const ReferIndex index = load(&faults);
  std::vector<std::string> found;
  for (const auto& fault : faults.all()) found.push_back(fault.kind + " @ " + fault.where);
  EXPECT_THAT(
      found,
      ElementsAre("missing field @ reference 5 (ref_id 13)", "wrong type @ images[2] (id 6.5)",
                  "missing field @ annotations[5] (id 10)", "unknown image @ ann_id 9",
                  "duplicate id @ ann_id 1", "duplicate id @ ref_id 7",
                  "unknown object @ ref_id 11", "duplicate id @ ref_id 12"));
  EXPECT_EQ(index.images().size(), 2U);
  EXPECT_EQ(index.annotations().size(), 4U);
  ASSERT_EQ(index.references().size(), 3U);
  ASSERT_EQ(index.references()[2].sentences.size(), 1U);
  EXPECT_EQ(index.references()[2].sentences[0].sent_id, 92);
}

TEST_F(ReferIndexTest, ChecksPartsThatAreInMemory) {
  Annotation square;
  square.ann_id = 1;
  square.image_id = 5;
  square.polygons = {{0, 0, 2, 0, 2, 2}};
  const std::vector<ImageRecord> images = {{5, "a.jpg", 4, 4}};
  const std::vector<Reference> references = {{7, 1, 5, "val", {{70, "x", "", {}}}}};
  EXPECT_EQ(ReferIndex::from_parts(images, {square}, references).split("val").size(), 1U);
  square.polygons = {{0, 0, 2, 0, 2}};
  Faults faults;
  const ReferIndex index = ReferIndex::from_parts(images, {square}, references, &faults);
  ASSERT_EQ(faults.all().size(), 1U);
  EXPECT_EQ(faults.all()[0].kind, "broken mask");
  EXPECT_EQ(faults.all()[0].where, "ann_id 1");
  EXPECT_EQ(index.references().size(), 1U);
}

TEST_F(ReferIndexTest, TakesTheNanOfPythonForAFaultOfItsField) {
  raw_instances_ = pcnet::core::json_text(instances_);
  const auto replace = [&](const std::string& what, const std::string& with) {
    raw_instances_.replace(raw_instances_.find(what), what.size(), with);
  };
  replace("\"bbox\":[1", "\"area\":NaN,\"note\":\"NaN \\\"NaN\",\"bbox\":[1");
  EXPECT_EQ(load().annotations().size(), 4U);  // nobody reads that one
  replace("\"bbox\":[1", "\"bbox\":[-Infinity");
  expect_fault("ann_id 1: \"bbox\" is \"-Infinity\", wanted four numbers");
  EXPECT_EQ(load(nullptr, BrokenOutline::kLeftOut).damaged().size(), 1U);
}

TEST_F(ReferIndexTest, GoesOnWithoutBrokenOutlinesWhenAsked) {
  auto& annotations = instances_["annotations"];
  annotations[0]["segmentation"] = json::array({json::array({1, 1, nullptr, 2, 3, 3})});
  annotations[1]["segmentation"]["counts"] = {3, 4, 5};
  annotations[2].erase("bbox");
  const ReferIndex index = load(nullptr, BrokenOutline::kLeftOut);
  EXPECT_EQ(index.references().size(), 2U);
  std::vector<std::string> damaged;
  for (const auto* annotation : index.damaged()) {
    damaged.push_back(annotation->damage->where + ": " + annotation->damage->kind);
    EXPECT_FALSE(annotation->has_mask());
    EXPECT_THAT(annotation->box, ElementsAre(0, 0, 0, 0));
  }
  EXPECT_THAT(damaged, ElementsAre("ann_id 1: broken mask", "ann_id 2: broken mask",
                                   "ann_id 3: missing field"));
  EXPECT_TRUE(index.annotation(4).has_mask());
  EXPECT_THAT(index.without_mask("val"), IsEmpty());  // broken is not the same as not drawn
  annotations[0].erase("image_id");                   // nobody can say whose outline it is
  EXPECT_THAT([&] { load(nullptr, BrokenOutline::kLeftOut); },
              ThrowsMessage<core::Error>(HasSubstr("\"image_id\"")));
}

TEST_F(ReferIndexTest, ReadsCategoriesAndCrowds) {
  instances_["categories"] = {{{"id", 1}, {"name", "person"}}, {{"id", 90}, {"name", "brush"}}};
  instances_["annotations"][1]["iscrowd"] = 1;
  instances_["annotations"][1]["category_id"] = 90;
  const ReferIndex index = load();
  ASSERT_EQ(index.categories().size(), 2U);
  EXPECT_EQ(index.categories()[1].category_id, 90);
  EXPECT_EQ(index.categories()[1].name, "brush");
  EXPECT_TRUE(index.annotation(2).crowd);
  EXPECT_EQ(index.annotation(2).category_id, 90);
  EXPECT_FALSE(index.annotation(1).crowd);
  instances_["annotations"][1]["iscrowd"] = 2;
  expect_fault("annotations[1] (id 2)", "iscrowd");
}

TEST_F(ReferIndexTest, MakesOverlapsBackgroundByTheExclusiveRule) {
  instances_["annotations"][0]["segmentation"] =
      json::array({square(1, 1, 4), square(3, 3, 4), square(8, 0, 2)});
  const ReferIndex index = load();
  image::Mask once(10, 12);
  image::Mask any(10, 12);
  const std::vector<support::Rectangle> squares = {{1, 1, 4, 4}, {3, 3, 4, 4}, {8, 0, 2, 2}};
  for (std::size_t i = 0; i < once.data.size(); ++i) {
    int covered = 0;
    for (const auto& part : squares) covered += support::rectangle_mask(10, 12, part).data[i];
    once.data[i] = covered == 1 ? 1 : 0;
    any.data[i] = covered > 0 ? 1 : 0;
  }
  const Annotation& object = index.annotation(1);
  EXPECT_EQ(index.mask(object, GroundTruth::kExclusive), image::encode(once));
  EXPECT_EQ(index.mask(object, GroundTruth::kUnion), image::encode(any));
}

TEST_F(ReferIndexTest, ReadsRefersListOfRunLengthsByBothRules) {
  // Columns of 10: the first RLE has pixels 3 to 6, the second 5 to 8.
  const json first = {{"size", {10, 12}}, {"counts", {3, 4, 113}}};
  const json second = {{"size", {10, 12}},
                       {"counts", image::to_coco_string({10, 12, {5, 4, 111}})}};
  auto& segmentation = instances_["annotations"][1]["segmentation"];
  segmentation = json::array({first});
  EXPECT_EQ(load().mask(load().annotation(2)), (image::Rle{10, 12, {3, 4, 113}}));
  segmentation = json::array({first, second});
  const ReferIndex index = load();
  const Annotation& object = index.annotation(2);
  EXPECT_EQ(index.mask(object, GroundTruth::kUnion), (image::Rle{10, 12, {3, 6, 111}}));
  EXPECT_EQ(index.mask(object, GroundTruth::kExclusive), (image::Rle{10, 12, {3, 2, 2, 2, 111}}));
  segmentation = json::array({first, square(1, 1, 3)});
  expect_fault("ann_id 2", "mixes polygons and RLEs");
  segmentation = json::array({first, {{"size", {12, 10}}, {"counts", {120}}}});
  expect_fault("ann_id 2", "its mask is 12 x 10");
  segmentation = json::array({first, {{"size", {10, 12}}, {"counts", 7}}});
  expect_fault("ann_id 2", "its counts are 7, wanted COCO's text or a list of runs");
  segmentation = 7;
  expect_fault("ann_id 2", "its segmentation is 7, wanted polygons or an RLE");
}

TEST_F(ReferIndexTest, TakesTheBackslashesOfWindowsPathsForSlashes) {
  instances_["images"][0]["file_name"] = "train2014\\five.jpg";
  EXPECT_EQ(load().image(5).file_name, "train2014/five.jpg");
}

TEST_F(ReferIndexTest, ReadsReferencesWhoseTextsAreBytes) {
  // What Python 3 writes of a pickle that it read with encoding="bytes".
  const auto bytes = [](const std::string& text) {
    return "C" + std::string(1, static_cast<char>(text.size())) + text;
  };
  const std::string said = "}(" + bytes("sent_id") + "KF" + bytes("sent") + bytes("caf\xe9") + "u";
  const std::string pickle = "\x80\x03]}(" + bytes("ref_id") + "K\x07" + bytes("ann_id") + "K\x01" +
                             bytes("image_id") + "K\x05" + bytes("split") + bytes("train") +
                             bytes("sentences") + "]" + said + "aua.";
  core::write_file_plain(folder_ / "refs(unc).p", pickle);
  core::write_file_plain(folder_ / "instances.json", pcnet::core::json_text(instances_));
  const ReferIndex index = ReferIndex::load(files());
  ASSERT_EQ(index.references().size(), 1U);
  EXPECT_EQ(index.references()[0].split, "train");
  EXPECT_EQ(index.references()[0].sentences.at(0).sent_id, 70);
  EXPECT_EQ(index.references()[0].sentences.at(0).text, "caf\u00e9");
}

TEST_F(ReferIndexTest, TakesObjectsWithoutAMaskAndNamesTheirSentences) {
  instances_["annotations"][0]["segmentation"] = json::array();
  const ReferIndex index = load();
  EXPECT_FALSE(index.annotation(1).has_mask());
  EXPECT_TRUE(index.annotation(2).has_mask());
  EXPECT_THAT(index.without_mask("train"), ElementsAre(70, 71));
  EXPECT_THAT(index.without_mask("val"), IsEmpty());
  EXPECT_THAT([&] { (void)index.mask(index.annotation(1)); },
              ThrowsMessage<core::Error>(HasSubstr("ann_id 1 of image_id 5 has no mask")));
}

TEST_F(ReferIndexTest, ReadsListsInAnyOrderAmongOtherMembers) {
  const std::string annotations = pcnet::core::json_text(instances_["annotations"]);
  const std::string images = pcnet::core::json_text(instances_["images"], {.indent = 1});
  raw_instances_ = "\xef\xbb\xbf {\"info\": {\"a\": \"]}\\\"\"}, \"annotations\" :" + annotations +
                   ",\"\\u0069mages\":" + images + ", \"year\":2014}\n";
  EXPECT_EQ(load().images().size(), 2U);
  for (const char* broken :
       {"{\"info\": tru, \"images\": []}", "{\"images\": [1 2]}", "{\"images\": {}}",
        "{\"images\": [] \"annotations\": []}", "{\"images\": [], \"images\": []}",
        "{\"images\": []} x", "{\"images\": [\"a", "{images: []}"}) {
    raw_instances_ = broken;
    expect_fault("instances.json: broken JSON at byte");
  }
}

}  // namespace
}  // namespace pcnet::data
