#include "src/proposals/crops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::proposals {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Box> boxes(const std::vector<Crop>& crops) {
  std::vector<Box> all;
  for (const Crop& crop : crops) all.push_back(crop.box);
  return all;
}

TEST(Crops, AreThePictureAloneWithoutLayers) {
  const auto crops = crops_of(480, 640, {});
  ASSERT_EQ(crops.size(), 1U);
  EXPECT_EQ(crops[0].box, (Box{0, 0, 640, 480}));
  EXPECT_EQ(crops[0].points_per_side, 8);
}

// 90 x 60 with a third of overlap: 20 px, crops of (20 + 90) / 2 and (20 + 60) / 2.
TEST(Crops, OverlapAndGoColumnByColumn) {
  config::MaskGeneratorOptions options;
  options.crop_layers = 1;
  options.crop_overlap = 1.0 / 3;
  EXPECT_THAT(boxes(crops_of(60, 90, options)),
              ElementsAre(Box{0, 0, 90, 60}, Box{0, 0, 55, 40}, Box{0, 20, 55, 60},
                          Box{35, 0, 90, 40}, Box{35, 20, 90, 60}));
}

// 11 px in two crops without overlap: 6 and what is left.
TEST(Crops, EndAtThePicture) {
  config::MaskGeneratorOptions options;
  options.crop_layers = 1;
  options.crop_overlap = 0;
  const auto crops = crops_of(11, 11, options);
  EXPECT_EQ(crops.back().box, (Box{6, 6, 11, 11}));
}

TEST(Crops, HaveFewerPointsByTheFactor) {
  config::MaskGeneratorOptions options;
  options.points_per_side = 9;
  options.crop_layers = 2;
  options.crop_points_factor = 2;
  const auto crops = crops_of(480, 640, options);
  ASSERT_EQ(crops.size(), 1U + 4 + 16);
  EXPECT_EQ(crops[0].points_per_side, 9);
  EXPECT_EQ(crops[1].points_per_side, 4);
  EXPECT_EQ(crops[5].points_per_side, 2);
}

TEST(Crops, WithoutPixelsOrPointsAreErrors) {
  config::MaskGeneratorOptions options;
  options.crop_layers = 2;
  const auto message_of = [&](std::int64_t side) -> std::string {
    try {
      crops_of(side, side, options);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message_of(5), HasSubstr("5 x 5 pixels is too small for crop_layers 2"));
  EXPECT_EQ(message_of(64), "");
  options.crop_points_factor = 3;
  EXPECT_THAT(message_of(64), HasSubstr("points_per_side 8"));
}

TEST(PointGrid, IsInTheMiddlesOfCellsRowByRow) {
  EXPECT_THAT(point_grid(2, 100, 40),
              ElementsAre(Point{10, 25}, Point{30, 25}, Point{10, 75}, Point{30, 75}));
  EXPECT_THAT(point_grid(1, 7, 4), ElementsAre(Point{2, 3.5}));
}

TEST(CutOff, IsNearTheCropButNotThePicture) {
  const Box crop{100, 0, 200, 100};  // in a picture of 300 x 300
  const auto cut = [&](const Box& box) { return is_cut_off(box, crop, 300, 300); };
  EXPECT_FALSE(cut({121, 21, 179, 79}));
  EXPECT_TRUE(cut({120, 21, 179, 79}));  // 20 px from the crop's left side
  EXPECT_TRUE(cut({121, 21, 180, 79}));  // and from its right one
  EXPECT_TRUE(cut({121, 21, 179, 80}));  // below
  EXPECT_FALSE(cut({121, 0, 179, 79}));  // the picture's own border
  EXPECT_FALSE(is_cut_off({0, 0, 299, 299}, {0, 0, 300, 300}, 300, 300));
}

}  // namespace
}  // namespace pcnet::proposals
