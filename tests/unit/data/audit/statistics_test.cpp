#include "pcnet/data/audit/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(DescribeValues, InterpolatesQuartiles) {
  const auto d = describe_values({7, 1, 3, 5});
  EXPECT_EQ(d.count, 4);
  EXPECT_DOUBLE_EQ(d.mean, 4);
  EXPECT_DOUBLE_EQ(d.minimum, 1);
  EXPECT_DOUBLE_EQ(d.lower_quartile, 2.5);
  EXPECT_DOUBLE_EQ(d.median, 4);
  EXPECT_DOUBLE_EQ(d.upper_quartile, 5.5);
  EXPECT_DOUBLE_EQ(d.maximum, 7);
}

TEST(DescribeValues, IsZeroForNone) {
  EXPECT_EQ(describe_values({}).count, 0);
  EXPECT_DOUBLE_EQ(describe_values({}).median, 0);
}

class StatisticsTest : public ::testing::Test {
 protected:
  Statistics count(std::int64_t text_length = 20) {
    dataset_.write(folder_.path());
    const auto index = ReferIndex::load(locate_dataset(support::options_for(folder_.path())));
    return count_dataset(index, text::WordTokenizer({"the", "cup", "a"}), text_length, 2);
  }
  support::TemporaryFolder folder_;
  support::HandDataset dataset_ = support::small_dataset();
};

TEST_F(StatisticsTest, CountsEachSplitAndAll) {
  const auto splits = count().splits;
  ASSERT_EQ(splits.size(), 3U);
  EXPECT_EQ(splits[0].name, "train");
  EXPECT_EQ(splits[0].references, 3);
  EXPECT_EQ(splits[0].objects, 3);
  EXPECT_EQ(splits[0].pictures, 2);
  EXPECT_EQ(splits[0].sentences, 5);
  EXPECT_EQ(splits[1].name, "val");
  EXPECT_EQ(splits[1].sentences, 1);
  EXPECT_EQ(splits[2].name, "all");
  EXPECT_EQ(splits[2].references, 4);
  EXPECT_EQ(splits[2].pictures, 3);
  EXPECT_THAT(splits[2].kinds, IsEmpty());
}

TEST_F(StatisticsTest, CountsAnObjectOfTwoReferencesOnceAndASplitOfTwoLettersForBoth) {
  dataset_.references[3].split = "testBA";
  dataset_.references.push_back({104, 4, 12, "testB", {{1006, "bowl", "attribute"}}});
  const auto splits = count().splits;
  ASSERT_EQ(splits.size(), 4U);
  EXPECT_EQ(splits[1].name, "testA");
  EXPECT_EQ(splits[1].references, 1);
  EXPECT_EQ(splits[2].name, "testB");
  EXPECT_EQ(splits[2].references, 2);
  EXPECT_EQ(splits[2].objects, 1);
  EXPECT_THAT(splits[2].kinds, ElementsAre(Pair("attribute", 1)));
  EXPECT_EQ(splits[3].references, 5);
}

TEST_F(StatisticsTest, MeasuresTexts) {
  // the red cup, the left cup, the blue plate, the red cup, a vase, the green bowl
  const auto statistics = count(4);
  EXPECT_THAT(statistics.sentences_by_words, ElementsAre(Pair(2, 1), Pair(3, 5)));
  EXPECT_DOUBLE_EQ(statistics.words.mean, 17.0 / 6);
  EXPECT_EQ(statistics.vocabulary, 10);
  // the tokenizer knows 2, 2, 1, 2, 1 and 1 of their words
  EXPECT_DOUBLE_EQ(statistics.tokens.mean, 9.0 / 6 + 2);
  EXPECT_EQ(statistics.omissions.cut, 0);
  EXPECT_EQ(count(3).omissions.cut, 3);
  EXPECT_EQ(statistics.omissions.texts_with_unknown, 6);
  EXPECT_EQ(statistics.omissions.unknown, 17 - 9);
  EXPECT_EQ(statistics.omissions.words.at("red"), 2);
}

TEST_F(StatisticsTest, MeasuresObjectsAndMasks) {
  dataset_.objects.push_back({5, 10, {0, 0, 1, 1}});  // nothing refers to it
  const auto statistics = count();
  EXPECT_DOUBLE_EQ(statistics.annotated.mean, 5.0 / 3);
  EXPECT_DOUBLE_EQ(statistics.annotated.maximum, 3);
  EXPECT_DOUBLE_EQ(statistics.referred.mean, 4.0 / 3);
  EXPECT_EQ(statistics.mask_share.count, 4);
  EXPECT_DOUBLE_EQ(statistics.mask_share.minimum, 36.0 / 1024);
  EXPECT_DOUBLE_EQ(statistics.mask_share.maximum, 100.0 / 960);
  EXPECT_EQ(statistics.unmasked, 0);
}

TEST_F(StatisticsTest, LeavesEmptyMasksOutOfTheShares) {
  dataset_.objects[0].rectangle = {0, 0, 0, 0};
  const auto statistics = count();
  EXPECT_EQ(statistics.unmasked, 1);
  EXPECT_EQ(statistics.mask_share.count, 3);
}

SplitStatistics split(const char* name, std::int64_t references, std::int64_t sentences) {
  return {name, references, sentences, 0, 0, {}};
}

TEST(PublishedCounts, StandBesideOurs) {
  Statistics statistics;
  statistics.splits = {split("train", 42404, 120624), split("testA", 1975, 5657),
                       split("testB", 1809, 5095), split("all", 50000, 142210)};
  const auto compared = compare_with_published("refcoco", "unc", statistics);
  const auto find = [&](const std::string& name, const std::string& what) {
    for (const auto& count : compared) {
      if (count.split == name && count.what == what) return count;
    }
    return PublishedCount{};
  };
  EXPECT_TRUE(find("train", "references").agrees());
  EXPECT_EQ(find("all", "sentences").published, 142210);
  EXPECT_TRUE(find("all", "sentences").agrees());
  EXPECT_EQ(find("val", "references").here, 0);
  // docs/formats.md#published-counts gives test as one: both parts together, one reference short.
  EXPECT_EQ(find("test", "references").published, 3785);
  EXPECT_EQ(find("test", "references").here, 3784);
  EXPECT_FALSE(find("test", "references").agrees());
}

TEST(PublishedCounts, AddUpToTheWhole) {
  for (const auto& [dataset, split_by] :
       {std::pair{"refcoco", "unc"}, std::pair{"refcoco+", "unc"}, std::pair{"refcocog", "umd"}}) {
    std::map<std::string, std::int64_t> parts;
    std::map<std::string, std::int64_t> all;
    for (const auto& count : compare_with_published(dataset, split_by, {})) {
      const bool both_tests = count.split == "test" && std::string(dataset) == "refcoco";
      if (both_tests) continue;
      (count.split == "all" ? all : parts)[count.what] += count.published;
    }
    all.erase("objects");
    EXPECT_EQ(parts, all) << dataset;
  }
}

TEST(PublishedCounts, AreNoneOfAnUnknownDataset) {
  EXPECT_THAT(compare_with_published("refsynth", "unc", {}), IsEmpty());
}

}  // namespace
}  // namespace pcnet::data
