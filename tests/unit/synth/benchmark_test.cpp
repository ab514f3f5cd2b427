#include "pcnet/synth/benchmark.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"

#include "temporary_folder.h"

namespace pcnet::synth {
namespace {

namespace fs = std::filesystem;

// Every file's bytes, by its path inside the folder.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[fs::relative(entry.path(), folder).generic_string()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

// FNV-1a over all names and bytes, in the order of the names.
std::uint64_t fingerprint(const fs::path& folder) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto take = [&](const std::string& bytes) {
    for (const char c : bytes) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 0x100000001b3ULL;
    }
  };
  for (const auto& [name, bytes] : contents(folder)) {
    take(name);
    take(bytes);
  }
  return hash;
}

class Benchmark : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    level_ = core::log::level();
    core::log::set_level(core::log::Level::kError);
  }
  void TearDown() override {
    core::log::set_level(level_);
    FolderTest::TearDown();
  }
  fs::path write(const std::string& name, const Options& options) const {
    write_benchmark(folder_ / name, options);
    return folder_ / name;
  }

 private:
  core::log::Level level_ = core::log::Level::kInfo;
};

TEST_F(Benchmark, IsTheSameForAnyNumberOfThreads) {
  const fs::path one = write("one", {.images = 20, .seed = 3, .threads = 1});
  const fs::path four = write("four", {.images = 20, .seed = 3, .threads = 4});
  EXPECT_EQ(contents(one), contents(four));
}

// The promise that a seed gives the same bytes on every machine. The number is what the generator
// wrote when format version 2 was fixed: if it changes on purpose, raise kFormatVersion and take
// the new number; if it changes on another machine or compiler, the promise is broken.
TEST_F(Benchmark, HasTheFingerprintOfItsFormatVersion) {
  EXPECT_EQ(fingerprint(write("tiny", {.images = 8, .seed = 0})), 0xff0bfa1f3cc027cbULL);
}

TEST_F(Benchmark, HasTheFingerprintOfItsFormatVersionInTheLongLanguage) {
  EXPECT_EQ(fingerprint(write("tiny", {.images = 8, .seed = 0, .language = "long"})),
            0x99f9f9f51fe75826ULL);
}

TEST_F(Benchmark, ChangesWithSeedDifficultyAndDataset) {
  const auto plain = contents(write("plain", {.images = 4}));
  EXPECT_NE(plain, contents(write("seed", {.images = 4, .seed = 1})));
  EXPECT_NE(plain, contents(write("easy", {.images = 4, .difficulty = "easy"})));
  EXPECT_NE(plain, contents(write("hard", {.images = 4, .difficulty = "hard"})));
  EXPECT_NE(plain, contents(write("long", {.images = 4, .language = "long"})));
  const auto named = contents(write("named", {.images = 4, .dataset = "refcoco"}));
  EXPECT_TRUE(named.contains("refcoco/refs(unc).p"));
  EXPECT_EQ(named.at("refcoco/instances.json"), plain.at("refsynth/instances.json"));
}

TEST_F(Benchmark, IsLeftAsItIsWhenItIsAlreadyThere) {
  const Options options = {.images = 6, .seed = 2};
  const Summary first = write_benchmark(folder_ / "out", options);
  const auto before = fs::last_write_time(folder_ / "out/refsynth/instances.json");
  const Summary second = write_benchmark(folder_ / "out", options);
  EXPECT_FALSE(first.already_there);
  EXPECT_TRUE(second.already_there);
  EXPECT_EQ(first.splits, second.splits);
  EXPECT_EQ(fs::last_write_time(folder_ / "out/refsynth/instances.json"), before);
}

TEST_F(Benchmark, KeepsTheLanguageApart) {
  const Options options = {.images = 6, .seed = 2, .language = "long"};
  const Summary first = write_benchmark(folder_ / "out", options);
  const Summary second = write_benchmark(folder_ / "out", options);
  EXPECT_TRUE(second.already_there);
  EXPECT_EQ(first.splits, second.splits);
  try {
    write_benchmark(folder_ / "out", {.images = 6, .seed = 2});
    FAIL() << "the long benchmark was taken for the short one";
  } catch (const core::Error& error) {
    EXPECT_NE(std::string(error.what()).find("\"language\":\"long\""), std::string::npos)
        << error.what();
  }
  write("short", {.images = 6, .seed = 2});
  EXPECT_THROW(write_benchmark(folder_ / "short", options), core::Error);
}

TEST_F(Benchmark, RefusesAFolderThatHoldsAnythingElse) {
  write("out", {.images = 6, .seed = 2});
  const auto before = contents(folder_ / "out");
  EXPECT_THROW(write_benchmark(folder_ / "out", {.images = 6, .seed = 3}), core::Error);
  EXPECT_EQ(contents(folder_ / "out"), before);
  fs::create_directories(folder_ / "mine");
  std::ofstream(folder_ / "mine/notes.txt") << "mine";
  EXPECT_THROW(write_benchmark(folder_ / "mine", {.images = 6}), core::Error);
  EXPECT_EQ(contents(folder_ / "mine").size(), 1U);
  std::ofstream(folder_ / "file") << "no folder";
  EXPECT_THROW(write_benchmark(folder_ / "file", {.images = 6}), core::Error);
}

TEST_F(Benchmark, SaysWhenTheSameBenchmarkIsDamaged) {
  const Options options = {.images = 6};
  write("out", options);
  fs::remove(folder_ / "out/refsynth/cues.jsonl");
  EXPECT_THROW(write_benchmark(folder_ / "out", options), core::Error);
}

TEST_F(Benchmark, DoesNotTakeAHiddenFileForAMissingPicture) {
  const Options options = {.images = 6};
  const fs::path pictures = write("out", options) / "images/mscoco/images/train2014";
  fs::remove(*fs::directory_iterator(pictures));
  std::ofstream(pictures / ".DS_Store") << "x";
  EXPECT_THROW(write_benchmark(folder_ / "out", options), core::Error);
}

TEST_F(Benchmark, IsWrittenWhereALinkLeads) {
  const Options options = {.images = 4};
  fs::create_directory_symlink("far", folder_ / "link");
  write("link", options);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_TRUE(fs::exists(folder_ / "far/refsynth/instances.json"));
  EXPECT_TRUE(write_benchmark(folder_ / "link", options).already_there);
}

TEST_F(Benchmark, LeavesNothingBesideItsFolder) {
  write("out", {.images = 4});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(Benchmark, FillsAnEmptyFolder) {
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(write_benchmark(folder_ / "empty", {.images = 4}).splits.size(), 4U);
}

TEST_F(Benchmark, RefusesUnusableOptions) {
  EXPECT_THROW(write_benchmark(folder_ / "a", {.images = 3}), core::UsageError);
  EXPECT_THROW(write_benchmark(folder_ / "a", {.images = 4, .difficulty = "x"}), core::UsageError);
  EXPECT_THROW(write_benchmark(folder_ / "a", {.images = 4, .language = "x"}), core::UsageError);
  EXPECT_THROW(write_benchmark(folder_ / "a", {.images = 4, .dataset = "../b"}), core::UsageError);
  EXPECT_THROW(write_benchmark(folder_ / "a", {.images = 4, .dataset = ""}), core::UsageError);
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(Benchmark, CountsWhatItWrote) {
  const Summary summary = write_benchmark(folder_ / "out", {.images = 30});
  ASSERT_EQ(summary.splits.size(), 4U);
  EXPECT_EQ(summary.splits[0].images, 24);
  EXPECT_EQ(summary.splits[3].name, "testB");
  EXPECT_EQ(summary.splits[3].objects, 10);  // two crowded pictures of five
  std::int64_t sentences = 0;
  std::int64_t objects = 0;
  for (const SplitSummary& split : summary.splits) {
    sentences += split.all_sentences();
    objects += split.objects;
  }
  const auto files = contents(folder_ / "out");
  const std::string& cues = files.at("refsynth/cues.jsonl");
  EXPECT_EQ(std::count(cues.begin(), cues.end(), '\n'), sentences);
  const auto instances =
      pcnet::core::parse_json<nlohmann::json>(files.at("refsynth/instances.json"));
  EXPECT_EQ(instances.at("images").size(), 30U);
  EXPECT_EQ(static_cast<std::int64_t>(instances.at("annotations").size()), objects);
  EXPECT_EQ(instances.at("categories").size(), 5U);
}

TEST_F(Benchmark, CountsTheLongLanguage) {
  const Summary summary = write_benchmark(folder_ / "out", {.images = 30, .language = "long"});
  for (const SplitSummary& split : summary.splits) {
    const std::int64_t sentences = split.all_sentences();
    EXPECT_EQ(split.needed[0] + split.needed[1] + split.needed[2] + split.needed[3], sentences);
    EXPECT_EQ(split.unseen, split.name == "testB" ? sentences : 0) << split.name;
    EXPECT_GE(split.fewest_words, 8);
    EXPECT_LE(split.most_words, 14);
    EXPECT_GT(split.object_of_shape, split.random_object);
    EXPECT_GT(split.object_of_attributes, split.object_of_shape);
  }
}

TEST(SplitSizes, GiveEachEvaluationSplitAFifteenth) {
  using Sizes = std::array<std::int64_t, 4>;
  EXPECT_EQ(split_sizes(7500), (Sizes{6000, 500, 500, 500}));
  EXPECT_EQ(split_sizes(4), (Sizes{1, 1, 1, 1}));
  EXPECT_EQ(split_sizes(31), (Sizes{25, 2, 2, 2}));
  EXPECT_THROW(split_sizes(3), core::UsageError);
}

}  // namespace
}  // namespace pcnet::synth
