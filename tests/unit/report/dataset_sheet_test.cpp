#include "pcnet/report/dataset_sheet.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::report {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class DatasetSheetTest : public ::testing::Test {
 protected:
  data::Dataset open() {
    dataset_.write(folder_.path());
    return data::Dataset(support::options_for(folder_.path()));
  }
  support::TemporaryFolder folder_;
  support::HandDataset dataset_ = support::small_dataset();
};

TEST_F(DatasetSheetTest, DrawsReferencesOfDifferentPicturesFirst) {
  const auto dataset = open();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto drawn = draw_references(dataset.index(), "train", 2, seed);
    ASSERT_THAT(drawn, SizeIs(2));
    EXPECT_NE(drawn[0] == 2, drawn[1] == 2) << "the third is the only one of image 11";
    EXPECT_EQ(drawn, draw_references(dataset.index(), "train", 2, seed));
  }
  const auto all = draw_references(dataset.index(), "train", 50, 0);
  EXPECT_EQ(std::set<std::size_t>(all.begin(), all.end()), (std::set<std::size_t>{0, 1, 2}));
}

TEST_F(DatasetSheetTest, FindsReferencesById) {
  const auto dataset = open();
  EXPECT_THAT(find_references(dataset.index(), std::vector<std::int64_t>{103, 100}),
              ElementsAre(3, 0));
  EXPECT_THROW(find_references(dataset.index(), std::vector<std::int64_t>{7}), core::UsageError);
}

bool has_green_outline(const image::Picture& sheet) {
  for (std::int64_t y = 0; y < sheet.height; ++y) {
    for (std::int64_t x = 0; x < sheet.width; ++x) {
      const std::uint8_t* pixel = sheet.pixel(y, x);
      if (pixel[0] == 46 && pixel[1] == 204 && pixel[2] == 64) return true;
    }
  }
  return false;
}

TEST_F(DatasetSheetTest, ShowsTheObjectAndTheProposals) {
  auto dataset = open();
  const std::vector<std::size_t> one = {0};
  const auto without = draw_dataset_sheet(dataset, one);
  EXPECT_TRUE(has_green_outline(without));
  dataset_.proposals[10] = {support::rectangle_mask(32, 32, {4, 4, 20, 20})};
  auto proposed = open();
  const auto with = draw_dataset_sheet(proposed, one);
  EXPECT_EQ(with.width, without.width);
  EXPECT_NE(with.rgb, without.rgb);
}

TEST_F(DatasetSheetTest, ShowsAPictureThatCannotBeRead) {
  auto dataset = open();
  std::filesystem::remove(folder_ / "train2014" / "11.png");
  const std::vector<std::size_t> one = {2};
  EXPECT_TRUE(has_green_outline(draw_dataset_sheet(dataset, one)));
}

}  // namespace
}  // namespace pcnet::report
