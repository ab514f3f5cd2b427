#include "pcnet/data/annotations/dataset_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class LocateDataset : public ::testing::Test {
 protected:
  void touch(const fs::path& path) const {
    fs::create_directories((folder_.path() / path).parent_path());
    core::write_file_plain(folder_.path() / path, "x");
  }
  void annotations(const fs::path& folder, const std::string& split_by) const {
    touch(folder / ("refs(" + split_by + ").p"));
    touch(folder / "instances.json");
  }
  fs::path pictures(const fs::path& place) const {
    fs::create_directories(folder_.path() / place);
    return folder_.path() / place;
  }
  using O = config::DataOptions;
  using Settings = std::vector<std::pair<std::string O::*, std::string>>;
  DatasetFiles locate(const Settings& settings = {}) const {
    config::DataOptions options;
    for (const auto& [option, value] : settings) options.*option = value;
    options.root = folder_.path().string();
    return locate_dataset(options);
  }

  support::TemporaryFolder folder_;
};

TEST_F(LocateDataset, FindsReferAndTrain2014BelowTheRoot) {
  annotations("refer/refcoco+", "unc");
  const fs::path images = pictures("train2014");
  const DatasetFiles files = locate();
  EXPECT_EQ(files.dataset, "refcoco+");
  EXPECT_EQ(files.split_by, "unc");
  EXPECT_EQ(files.annotations, folder_.path() / "refer/refcoco+/refs(unc).p");
  EXPECT_EQ(files.instances, folder_.path() / "refer/refcoco+/instances.json");
  EXPECT_EQ(files.images, images);
  EXPECT_TRUE(files.cues.empty());
  EXPECT_TRUE(files.proposals.empty());
  EXPECT_TRUE(files.captions.empty());
}

TEST_F(LocateDataset, FindsTheDatasetsOwnFolderAndTheMscocoPictures) {
  annotations("refcocog", "umd");
  touch("refcocog/cues.jsonl");
  touch("refcocog/proposals.jsonl");
  touch("refcocog/captions.jsonl");
  const fs::path images = pictures("images/mscoco/images/train2014");
  const DatasetFiles files = locate();
  EXPECT_EQ(files.dataset, "refcocog");
  EXPECT_EQ(files.images, images);
  EXPECT_EQ(files.cues, folder_.path() / "refcocog/cues.jsonl");
  EXPECT_EQ(files.proposals, folder_.path() / "refcocog/proposals.jsonl");
  EXPECT_EQ(files.captions, folder_.path() / "refcocog/captions.jsonl");
}

TEST_F(LocateDataset, LooksAtNothingHidden) {
  annotations("refcoco", "unc");
  annotations(".refsynth.tmp-7", "unc");  // a benchmark that is being written
  annotations(".Trash/refcocog", "umd");
  touch("refcoco/._refs(unc).p");
  touch("refcoco/refs(unc).p~");
  pictures("train2014");
  EXPECT_EQ(locate().annotations, folder_.path() / "refcoco/refs(unc).p");
}

TEST_F(LocateDataset, FindsPicturesBelowImages) {
  annotations("refsynth", "unc");
  const fs::path images = pictures("images/train2014");
  EXPECT_EQ(locate().images, images);
}

TEST_F(LocateDataset, TakesTheDatasetsFolderItselfAsRootAlsoWithASlashAtItsEnd) {
  annotations("refsynth", "unc");
  pictures("refsynth/train2014");
  for (const char* end : {"refsynth", "refsynth/"}) {
    config::DataOptions options;
    options.root = (folder_.path() / end).string();
    EXPECT_EQ(locate_dataset(options).dataset, "refsynth") << end;
  }
}

TEST_F(LocateDataset, AsksWhichOfSeveralDatasets) {
  annotations("refer/refcoco", "unc");
  annotations("refer/refcoco", "google");
  annotations("refer/refcocog", "google");
  pictures("train2014");
  EXPECT_THAT([&] { locate(); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("several datasets"), HasSubstr("refcoco (unc)"),
                        HasSubstr("refcoco (google)"), HasSubstr("refcocog (google)"))));
  EXPECT_THAT(
      [&] {
        locate({{&O::dataset, "refcoco"}});
      },
      ThrowsMessage<core::Error>(AllOf(HasSubstr("refcoco (unc)"), HasSubstr("--split-by"),
                                       ::testing::Not(HasSubstr("refcocog")))));
  EXPECT_EQ(locate({{&O::dataset, "refcocog"}}).split_by, "google");
  EXPECT_EQ(locate({{&O::dataset, "refcoco"}, {&O::split_by, "google"}}).annotations,
            folder_.path() / "refer/refcoco/refs(google).p");
  EXPECT_THAT(
      [&] {
        locate({{&O::dataset, "refclef"}});
      },
      ThrowsMessage<core::Error>(
          AllOf(HasSubstr("no dataset \"refclef\" (data.dataset, --dataset) under"),
                HasSubstr("which has: refcoco (google)"), HasSubstr("e.g. --dataset"))));
}

TEST_F(LocateDataset, SaysWhatWasAskedForWhenTheOnlyDatasetIsAnother) {
  annotations("refer/refcoco", "unc");
  pictures("train2014");
  EXPECT_THAT(
      [&] {
        locate({{&O::split_by, "umd"}});
      },
      ThrowsMessage<core::Error>(AllOf(
          HasSubstr("no dataset with partition \"umd\" (data.split_by, --split-by) under"),
          HasSubstr("which has: refcoco (unc); choose it with --dataset refcoco --split-by unc"))));
}

TEST_F(LocateDataset, NamesWhatIsMissing) {
  EXPECT_THAT([&] { locate(); }, ThrowsMessage<core::Error>(HasSubstr("looked for refs(")));
  touch("refcoco/refs(unc).p");
  EXPECT_THAT([&] { locate(); }, ThrowsMessage<core::Error>(HasSubstr("refcoco/instances.json")));
  touch("refcoco/instances.json");
  EXPECT_THAT([&] { locate(); }, ThrowsMessage<core::Error>(HasSubstr("no folder train2014")));
  pictures("train2014");
  EXPECT_NO_THROW(locate());
  EXPECT_THAT(
      [&] {
        locate({{&O::cues, "/nowhere/cues.jsonl"}});
      },
      ThrowsMessage<core::Error>(HasSubstr("data.cues")));
  EXPECT_THAT(
      [&] {
        locate({{&O::proposals, "/nowhere/p.jsonl"}});
      },
      ThrowsMessage<core::Error>(HasSubstr("data.proposals")));
  EXPECT_THAT(
      [&] {
        locate({{&O::images, "/nowhere"}});
      },
      ThrowsMessage<core::Error>(HasSubstr("data.images")));
}

TEST_F(LocateDataset, RefusesNoRoot) {
  EXPECT_THROW(locate_dataset({}), core::UsageError);
  config::DataOptions options;
  options.root = "/nowhere/at/all";
  EXPECT_THAT([&] { locate_dataset(options); },
              ThrowsMessage<core::Error>(HasSubstr("/nowhere/at/all")));
}

TEST_F(LocateDataset, PrefersNamedFiles) {
  annotations("refcoco", "unc");
  touch("refcoco/cues.jsonl");
  touch("mine.jsonl");
  pictures("train2014");
  const fs::path other = pictures("elsewhere");
  const std::string mine = (folder_.path() / "mine.jsonl").string();
  const DatasetFiles files = locate({{&O::images, other.string()}, {&O::cues, mine}});
  EXPECT_EQ(files.cues, mine);
  EXPECT_EQ(files.images, other);
}

TEST_F(LocateDataset, TakesARootOneLevelAboveOrBelow) {
  annotations("top/coco/refer/refcoco", "unc");
  const fs::path images = pictures("top/coco/train2014");
  for (const char* root : {"top", "top/coco", "top/coco/refer", "top/coco/refer/refcoco/"}) {
    config::DataOptions options;
    options.root = (folder_.path() / root).string();
    const DatasetFiles files = locate_dataset(options);
    EXPECT_EQ(files.dataset, "refcoco") << root;
    EXPECT_TRUE(fs::equivalent(files.images, images)) << root;
  }
}

TEST_F(LocateDataset, FindsTheFlatTreeFromItsDatasetsFolder) {
  annotations("data/refcocog", "umd");
  const fs::path images = pictures("data/images/mscoco/images/train2014");
  for (const char* root : {"", "data", "data/refcocog"}) {
    config::DataOptions options;
    options.root = (folder_.path() / root).string();
    EXPECT_TRUE(fs::equivalent(locate_dataset(options).images, images)) << root;
  }
}

TEST_F(LocateDataset, FindsCustomData) {
  touch("own/annotations.jsonl");
  const DatasetFiles files = locate();
  EXPECT_EQ(files.dataset, "custom");
  EXPECT_EQ(files.split_by, "");
  EXPECT_EQ(files.annotations, folder_.path() / "own/annotations.jsonl");
  EXPECT_EQ(files.images, folder_.path() / "own");
  EXPECT_TRUE(files.apply_exif);
  EXPECT_TRUE(files.is_custom());
  annotations("refcoco", "unc");
  EXPECT_THAT([&] { locate(); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("custom, refcoco (unc)"), HasSubstr("e.g. --dataset custom"))));
  EXPECT_EQ(locate({{&O::dataset, "custom"}}).annotations, files.annotations);
}

TEST_F(LocateDataset, SaysHowToGetWhatIsMissing) {
  EXPECT_THAT([&] { locate(); }, ThrowsMessage<core::Error>(AllOf(HasSubstr("refcoco.zip"),
                                                                  HasSubstr("annotations.jsonl"))));
  touch("refer/refcoco/refs(unc).p");
  EXPECT_THAT([&] { locate(); }, ThrowsMessage<core::Error>(
                                     AllOf(HasSubstr("refer/refcoco/instances.json"),
                                           HasSubstr("refcoco.zip"), HasSubstr("refs(unc).p"))));
  touch("refer/refcoco/instances.json");
  EXPECT_THAT([&] { locate(); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("train2014.zip"), HasSubstr("--images"))));
}

TEST_F(LocateDataset, TellsDatasetsApartByTheirAnnotations) {
  annotations("a/refer/refcoco", "unc");
  annotations("b/refer/refcoco", "google");
  annotations("b/refer/refcoco+", "unc");
  const auto named = [&](const std::string& root, const std::string& dataset = "",
                         const std::string& split_by = "") {
    return config::DataOptions{
        .root = (folder_.path() / root).string(), .dataset = dataset, .split_by = split_by};
  };
  EXPECT_TRUE(has_dataset(named("a")));
  EXPECT_TRUE(has_dataset(named("b", "refcoco", "google")));
  EXPECT_FALSE(has_dataset(named("b", "refcoco", "unc")));
  EXPECT_FALSE(has_dataset(named("nowhere")));
  EXPECT_FALSE(has_dataset({}));
  EXPECT_TRUE(are_same_dataset(named("a"), named("a/refer/refcoco/", "refcoco")));
  EXPECT_FALSE(are_same_dataset(named("a", "refcoco"), named("b", "refcoco")));
  EXPECT_FALSE(are_same_dataset(named("b"), named("b")));  // which of the two?
  EXPECT_FALSE(are_same_dataset({}, {}));
}

TEST_F(LocateDataset, SaysWhatWasFound) {
  annotations("refcoco", "unc");
  touch("refcoco/cues.jsonl");
  pictures("train2014");
  const std::string text = describe(locate());
  EXPECT_THAT(text, HasSubstr("dataset     refcoco, partition unc\n"));
  EXPECT_THAT(text, HasSubstr("refcoco/cues.jsonl\n"));
  EXPECT_THAT(text, HasSubstr("proposals   none\n"));
}

}  // namespace
}  // namespace pcnet::data
