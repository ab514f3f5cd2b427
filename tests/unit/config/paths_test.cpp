#include "pcnet/config/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pcnet::config {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

std::vector<std::string> keys_of(const std::vector<PathValue>& values) {
  std::vector<std::string> keys;
  for (const auto& value : values) keys.push_back(value.key);
  return keys;
}

TEST(Paths, AreTheMarkedKeysThatAreSet) {
  Config config;
  EXPECT_TRUE(path_values(config).empty());
  config.data.root = "data";
  config.data.dataset = "refcoco";
  config.data.images = "i";
  config.data.cues = "c";
  config.data.proposals = "p";
  config.data.clip_scores = "s";
  config.data.pack = "k";
  config.model.clip.weights = "w";
  config.loss.calibration.weights = "f";
  config.run.folder = "r";
  EXPECT_THAT(
      keys_of(path_values(config)),
      ElementsAre("data.root", "data.images", "data.cues", "data.proposals", "data.clip_scores",
                  "data.pack", "model.clip.weights", "loss.calibration.weights", "run.folder"));
}

TEST(Paths, AreMadeAbsoluteFromTheWorkingFolder) {
  Config config;
  config.data.root = "a/../data/";
  config.data.cues = "/x/cues.jsonl";
  config.run.folder = ".";
  const Config absolute = with_absolute_paths(config);
  EXPECT_EQ(absolute.data.root, fs::current_path() / "data");
  EXPECT_EQ(absolute.data.cues, "/x/cues.jsonl");
  EXPECT_EQ(absolute.run.folder, fs::current_path());
  EXPECT_EQ(absolute.data.images, "");
}

TEST(Paths, TakeTheWordRulesForNone) {
  Config config;
  config.data.cues = "rules";
  config.data.proposals = "rules";  // a file of that name
  EXPECT_THAT(keys_of(path_values(config)), ElementsAre("data.proposals"));
  const Config absolute = with_absolute_paths(config);
  EXPECT_EQ(absolute.data.cues, "rules");
  EXPECT_EQ(absolute.data.proposals, fs::current_path() / "rules");
}

TEST(Paths, KeepTheirPlaceBesideTheRun) {
  EXPECT_EQ(place_beside("/old/data", "/old/runs/a", "/new/runs/a"), "/new/data");
  EXPECT_EQ(place_beside("/old/runs/a/cues.jsonl", "/old/runs/a", "/new/b"), "/new/b/cues.jsonl");
  EXPECT_EQ(place_beside("data", "runs/a", "/new/runs/a"), "/new/data");  // of an older run
  EXPECT_EQ(place_beside("/old/data", "runs/a", "/new/runs/a"), "");
  EXPECT_EQ(place_beside("/old/data", "", "/new/runs/a"), "");
  EXPECT_EQ(place_beside("/old/data", "/old/runs/a", ""), "");
}

}  // namespace
}  // namespace pcnet::config
