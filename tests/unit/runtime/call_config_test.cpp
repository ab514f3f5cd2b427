#include "pcnet/runtime/call_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Named = std::vector<std::pair<std::string, std::string>>;  // key, value

/// Roots `one` (refcoco, unc), `two` (refcoco, google) and `many` (refcoco, unc, and refcoco+,
/// unc), and the run `one` of `runs`, trained with root `one` and files that were named.
class CallConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    annotations("one/refcoco", "unc");
    annotations("two/refcoco", "google");
    annotations("many/refcoco", "unc");
    annotations("many/refcoco+", "unc");
    for (const char* name : {"files/cues.jsonl", "files/proposals.jsonl", "files/x.pack"}) {
      touch(name);
    }
    fs::create_directories(base() / "files/images");
    fs::create_directories(base() / "runs/one");
  }
  fs::path base() const { return folder_.path() / "base"; }
  std::string at(const std::string& place) const { return (base() / place).string(); }
  void touch(const fs::path& path) const {
    fs::create_directories((base() / path).parent_path());
    core::write_file_plain(base() / path, "x");
  }
  void annotations(const fs::path& folder, const std::string& split_by) const {
    touch(folder / ("refs(" + split_by + ").p"));
  }

  config::Config stored() const {
    config::Config config;
    config.data.root = at("one");
    config.data.dataset = "refcoco";
    config.data.split_by = "unc";
    config.data.images = at("files/images");
    config.data.cues = at("files/cues.jsonl");
    config.data.proposals = at("files/proposals.jsonl");
    config.run.folder = at("runs/one");
    return config;
  }
  CallConfig call(const config::Config& config, const Named& named = {},
                  const fs::path& folder = {}) const {
    std::vector<std::string> overrides;
    for (const auto& [key, value] : named) overrides.push_back(config::assignment(key, value));
    return call_config(
        {config::to_json(config), "run", folder.empty() ? base() / "runs/one" : folder}, overrides);
  }

  support::TemporaryFolder folder_;
};

TEST_F(CallConfigTest, TakesWhatTheRunStored) {
  const CallConfig same = call(stored());
  EXPECT_THAT(config::difference(same.values, stored()), IsEmpty());
  EXPECT_THAT(same.notes, IsEmpty());
  EXPECT_THAT(same.missing, IsEmpty());
}

TEST_F(CallConfigTest, DecidesFileByFileWhereTheDataComeFrom) {
  const auto files = [&](const std::string& name) { return at("files/" + name); };
  const std::string kept_cues = files("cues.jsonl");
  struct Row {
    Named named;
    std::string root, dataset, split_by, cues, proposals, images;
  };
  const std::vector<Row> rows = {
      {{}, "one", "refcoco", "unc", kept_cues, files("proposals.jsonl"), files("images")},
      // The same dataset, however it is named, takes all along.
      {{{"data.root", at("one")}},
       "one",
       "refcoco",
       "unc",
       kept_cues,
       files("proposals.jsonl"),
       files("images")},
      {{{"data.root", at("two/../one/refcoco/")}},
       "two/../one/refcoco/",
       "refcoco",
       "unc",
       kept_cues,
       files("proposals.jsonl"),
       files("images")},
      {{{"data.dataset", "refcoco"}},
       "one",
       "refcoco",
       "unc",
       kept_cues,
       files("proposals.jsonl"),
       files("images")},
      // Another one takes nothing along, and the names only where it has them.
      {{{"data.root", at("two")}}, "two", "refcoco", "", "", "", ""},
      {{{"data.root", at("many")}}, "many", "refcoco", "unc", "", "", ""},
      {{{"data.root", at("many")}, {"data.dataset", "refcoco+"}},
       "many",
       "refcoco+",
       "unc",
       "",
       "",
       ""},
      // What is named wins.
      {{{"data.cues", "mine"}},
       "one",
       "refcoco",
       "unc",
       "mine",
       files("proposals.jsonl"),
       files("images")},
      {{{"data.root", at("two")}, {"data.cues", kept_cues}},
       "two",
       "refcoco",
       "",
       kept_cues,
       "",
       ""},
      {{{"data.root", at("two")}, {"data.cues", "rules"}, {"data.images", "i"}},
       "two",
       "refcoco",
       "",
       "rules",
       "",
       "i"},
      {{{"data.root", at("two")}, {"data.split_by", "unc"}}, "two", "", "unc", "", "", ""},
  };
  for (const auto& row : rows) {
    const auto data = call(stored(), row.named).values.data;
    const std::string name = ::testing::PrintToString(row.named);
    EXPECT_EQ(data.root, at(row.root)) << name;
    EXPECT_EQ(data.dataset, row.dataset) << name;
    EXPECT_EQ(data.split_by, row.split_by) << name;
    EXPECT_EQ(data.cues, row.cues) << name;
    EXPECT_EQ(data.proposals, row.proposals) << name;
    EXPECT_EQ(data.images, row.images) << name;
  }
}

TEST_F(CallConfigTest, SaysWhatIsNotTakenAlong) {
  auto config = stored();
  config.data.images = "";
  config.data.proposals = "";
  EXPECT_THAT(call(config, {{"data.root", at("many")}}).notes,
              ElementsAre("another dataset than the stored one is named: not taken along: "
                          "data.cues " +
                          at("files/cues.jsonl")));
  EXPECT_THAT(call(config, {{"data.root", at("one")}}).notes, IsEmpty());
}

TEST_F(CallConfigTest, LeavesTheClipScoresOfAnotherDatasetAndMissesNone) {
  auto config = stored();
  config.data.clip_scores = at("files/scores.jsonl");  // which is not there
  EXPECT_EQ(call(config).values.data.clip_scores, at("files/scores.jsonl"));
  EXPECT_THAT(call(config).missing, IsEmpty());
  EXPECT_EQ(call(config, {{"data.root", at("two")}}).values.data.clip_scores, "");
}

TEST_F(CallConfigTest, AnotherRootLeavesThePackAndTheRulesFitAll) {
  auto config = stored();
  config.data.pack = at("files/x.pack");
  config.data.cues = "rules";
  EXPECT_EQ(call(config).values.data.pack, at("files/x.pack"));
  EXPECT_EQ(call(config, {{"data.root", at("one")}}).values.data.pack, at("files/x.pack"));
  const auto other = call(config, {{"data.root", at("two")}}).values.data;
  EXPECT_EQ(other.pack, "");
  EXPECT_EQ(other.cues, "rules");
  config.data.root = "";  // from the pack alone
  EXPECT_EQ(call(config, {{"data.root", at("one")}}).values.data.pack, "");
}

TEST_F(CallConfigTest, FindsARunAndItsDataThatWereMovedTogether) {
  auto config = stored();
  config.model.clip.weights = at("runs/clip");
  fs::create_directories(base() / "runs/clip");
  const fs::path now = folder_.path() / "now";
  fs::rename(base(), now);
  const CallConfig moved = call(config, {}, now / "runs/one");
  EXPECT_EQ(moved.values.data.root, now / "one");
  EXPECT_EQ(moved.values.data.cues, now / "files/cues.jsonl");
  EXPECT_EQ(moved.values.model.clip.weights, now / "runs/clip");
  EXPECT_EQ(moved.values.run.folder, now / "runs/one");
  EXPECT_THAT(moved.missing, IsEmpty());
  EXPECT_THAT(moved.notes, ::testing::Contains("data.root: taken from " + (now / "one").string() +
                                               ", as the run stored " + at("one")));
}

TEST_F(CallConfigTest, FindsTheDataOfARunThatWasMovedAlone) {
  const fs::path now = folder_.path() / "now/deep/one";
  fs::create_directories(now.parent_path());
  fs::rename(base() / "runs/one", now);
  const CallConfig moved = call(stored(), {}, now);
  EXPECT_EQ(moved.values.data.root, at("one"));
  EXPECT_EQ(moved.values.run.folder, now);
  EXPECT_THAT(moved.missing, IsEmpty());
}

TEST_F(CallConfigTest, NamesBothPlacesOfWhatLiesNowhere) {
  const fs::path now = folder_.path() / "now/runs/one";
  fs::create_directories(now.parent_path());
  fs::rename(base() / "runs/one", now);
  fs::remove(base() / "files/cues.jsonl");
  EXPECT_THAT(
      call(stored(), {}, now).missing,
      ElementsAre("data.cues: no " + at("files/cues.jsonl") + ", which the run stored, and no " +
                  (folder_.path() / "now/files/cues.jsonl").string() + " beside the run"));
  // Nobody wants them.
  EXPECT_THAT(call(stored(), {{"data.cues", "rules"}}, now).missing, IsEmpty());
  EXPECT_THAT(call(stored(), {{"data.root", at("two")}}, now).missing, IsEmpty());
}

TEST_F(CallConfigTest, OlderRunsStoredPathsFromTheirWorkingFolder) {
  auto config = stored();
  config.data.root = "one";
  config.data.cues = "files/cues.jsonl";
  config.run.folder = "runs/one";
  const auto data = call(config).values.data;
  EXPECT_EQ(data.root, at("one"));
  EXPECT_EQ(data.cues, at("files/cues.jsonl"));
}

TEST_F(CallConfigTest, ReadsARunsOwnConfigFromWhereItIs) {
  core::write_file_plain(base() / "runs/one/config.yaml", config::to_yaml(stored()));
  const std::string yaml = at("runs/one/config.yaml");
  EXPECT_EQ(load_config(yaml, {}).data.root, at("one"));
  const fs::path now = folder_.path() / "now";
  fs::create_directories(base() / "runs/one/checkpoints");
  fs::rename(base(), now);
  const auto moved = load_config(now / "runs/one/config.yaml", {});
  EXPECT_EQ(moved.data.cues, now / "files/cues.jsonl");
  EXPECT_EQ(moved.run.folder, now / "runs/one");
  fs::remove_all(now / "one");
  EXPECT_THAT([&] { load_config(now / "runs/one/config.yaml", {}); },
              ThrowsMessage<core::Error>(HasSubstr("data.root: no " + at("one"))));
}

TEST_F(CallConfigTest, AFileThatNamesNoDataTakesWhatIsNamed) {
  core::write_file_plain(base() / "a.yaml", "data: {cues: mine.jsonl, dataset: refcoco}\n");
  const auto data = load_config(at("a.yaml"), {"data.root=" + at("many")}).data;
  EXPECT_EQ(data.cues, "mine.jsonl");
  EXPECT_EQ(data.dataset, "refcoco");
}

}  // namespace
}  // namespace pcnet::runtime
