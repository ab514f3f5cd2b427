#include "src/proposals/boxes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hand_dataset.h"

namespace pcnet::proposals {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BoxOf, HoldsItsLastPixel) {
  EXPECT_EQ(box_of(image::encode(support::rectangle_mask(20, 30, {4, 5, 3, 2}))),
            (Box{4, 5, 6, 6}));
  EXPECT_EQ(box_of(image::encode(image::Mask(20, 30))), (Box{0, 0, 0, 0}));
}

TEST(BoxNms, KeepsTheBestOfEachPlace) {
  // The second covers 8 of the first's 10 columns: IoU 0.8.
  const std::vector<Box> boxes = {{0, 0, 10, 10}, {0, 0, 8, 10}, {20, 0, 30, 10}};
  const std::vector<float> scores = {0.5F, 0.9F, 0.7F};
  EXPECT_THAT(box_nms(boxes, scores, 0.7), ElementsAre(1, 2));
  EXPECT_THAT(box_nms(boxes, scores, 0.85), ElementsAre(1, 2, 0));
}

TEST(BoxNms, KeepsAnIouAtTheThreshold) {
  const std::vector<Box> boxes = {{0, 0, 10, 10}, {0, 0, 5, 10}};
  const std::vector<float> scores = {0.9F, 0.5F};
  EXPECT_THAT(box_nms(boxes, scores, 0.5), ElementsAre(0, 1));
  EXPECT_THAT(box_nms(boxes, scores, 0.49), ElementsAre(0));
}

TEST(BoxNms, TakesTheEarlierOfEqualScores) {
  const std::vector<Box> boxes = {{0, 0, 10, 9}, {0, 0, 10, 10}, {50, 0, 60, 10}};
  const std::vector<float> scores = {0.5F, 0.5F, 0.5F};
  EXPECT_THAT(box_nms(boxes, scores, 0.7), ElementsAre(0, 2));
}

TEST(BoxNms, LetsAWorseBoxStayThatOnlyASuppressedOneCovers) {
  // Each covers its neighbour by 0.6; the first and the last by 1 / 3.
  const std::vector<Box> boxes = {{0, 0, 8, 10}, {2, 0, 10, 10}, {4, 0, 12, 10}};
  const std::vector<float> scores = {0.9F, 0.8F, 0.7F};
  EXPECT_THAT(box_nms(boxes, scores, 0.5), ElementsAre(0, 2));
}

TEST(BoxNms, NeverDropsBoxesOfASingleRow) {
  const std::vector<Box> boxes = {{0, 5, 10, 5}, {0, 5, 10, 5}};
  const std::vector<float> scores = {0.9F, 0.8F};
  EXPECT_THAT(box_nms(boxes, scores, 0.0), ElementsAre(0, 1));
}

TEST(BoxNms, IsEmptyWithoutBoxes) { EXPECT_THAT(box_nms({}, {}, 0.7), IsEmpty()); }

}  // namespace
}  // namespace pcnet::proposals
