#include "pcnet/report/answer_picture.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "support/hand_dataset.h"

namespace pcnet::report {
namespace {

class AnswerPicture : public ::testing::Test {
 protected:
  AnswerPicture() : picture_(30, 40), mask_(support::rectangle_mask(30, 40, {5, 5, 10, 10})) {
    std::fill(picture_.rgb.begin(), picture_.rgb.end(), std::uint8_t{100});
    map_[7 * 40 + 8] = 0.5F;
  }
  Answer answer() const { return {picture_, map_, mask_, {8, 7, 0.5}, nullptr, "a cup"}; }

  image::Picture picture_;
  image::Mask mask_;
  std::vector<float> map_ = std::vector<float>(30 * 40);
};

TEST_F(AnswerPicture, EnlargesSmallPicturesUnderTheCaption) {
  // The factor 8 makes the longest side 320; the caption's strip is above.
  for (const auto& drawn : {draw_answer(answer()), draw_heat(answer())}) {
    EXPECT_EQ(drawn.width, 320);
    EXPECT_GT(drawn.height, 240);
    EXPECT_LT(drawn.height, 300);
    EXPECT_EQ(drawn.rgb.size(), static_cast<std::size_t>(drawn.height * drawn.width * 3));
  }
}

TEST_F(AnswerPicture, LeavesLargePicturesAtTheirSize) {
  const image::Picture picture(350, 330);
  const image::Mask mask(350, 330);
  const std::vector<float> map(350 * 330, 0.0F);
  const Answer answer{picture, map, mask, {0, 0, 0}, nullptr, "x"};
  EXPECT_EQ(draw_answer(answer).width, 330);
  EXPECT_GT(draw_answer(answer).height, 350);
  EXPECT_EQ(draw_heat(answer).width, 330);  // a map of zeros is drawn, too
}

TEST_F(AnswerPicture, TintsTheMaskAndOutlinesTheGroundTruth) {
  const image::Picture plain = draw_answer(answer());
  const std::int64_t caption = plain.height - 240;
  const auto pixel = [&](const image::Picture& drawn, std::int64_t y, std::int64_t x) {
    const std::uint8_t* rgb = drawn.pixel(caption + y, x);
    return std::vector<int>{rgb[0], rgb[1], rgb[2]};
  };
  EXPECT_EQ(pixel(plain, 200, 300), (std::vector<int>{100, 100, 100}));  // outside of the mask
  EXPECT_NE(pixel(plain, 110, 110), (std::vector<int>{100, 100, 100}));  // inside
  const image::Mask truth = support::rectangle_mask(30, 40, {20, 20, 10, 5});
  Answer with_truth{picture_, map_, mask_, {8, 7, 0.5}, &truth, "a cup"};
  EXPECT_EQ(pixel(draw_answer(with_truth), 160, 200), (std::vector<int>{46, 204, 64}));
}

TEST_F(AnswerPicture, ShowsTheHeatWhereTheMapIs) {
  std::vector<float> map(30 * 40, 0.0F);
  for (std::size_t y = 0; y < 30; ++y) map[y * 40 + 30] = 0.2F;  // divided by its maximum: 1
  const Answer answer{picture_, map, mask_, {0, 0, 0}, nullptr, "a cup"};
  const image::Picture drawn = draw_heat(answer);
  const std::int64_t top = drawn.height - 240;
  const std::uint8_t* hot = drawn.pixel(top + 120, 30 * 8 + 4);
  const std::uint8_t* cold = drawn.pixel(top + 120, 20 * 8 + 4);
  EXPECT_GT(hot[0], hot[2] + 50);    // red
  EXPECT_GT(cold[2], cold[0] + 20);  // a little blue
}

}  // namespace
}  // namespace pcnet::report
