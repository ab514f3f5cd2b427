#include "pcnet/proposals/grid_proposals.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/hand_dataset.h"

namespace pcnet::proposals {
namespace {

using support::Rectangle;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kRed = {200, 40, 40};
constexpr Colour kGreen = {40, 200, 40};
constexpr Colour kGrey = {128, 128, 128};

void paint(image::Picture& picture, const Rectangle& rectangle, const Colour& colour) {
  const auto& [x, y, width, height] = rectangle;
  for (std::int64_t i = y; i < y + height; ++i) {
    for (std::int64_t j = x; j < x + width; ++j) {
      std::copy(colour.begin(), colour.end(), picture.pixel(i, j));
    }
  }
}

image::Picture grey_picture(std::int64_t height, std::int64_t width) {
  image::Picture picture(height, width);
  paint(picture, {0, 0, width, height}, kGrey);
  return picture;
}

image::Rle rectangle_in(const image::Picture& picture, const Rectangle& rectangle) {
  return image::encode(support::rectangle_mask(picture.height, picture.width, rectangle));
}

double iou(const image::Rle& a, const image::Rle& b) {
  const auto both = static_cast<double>(image::intersection(a, b));
  return both / (static_cast<double>(image::area(a) + image::area(b)) - both);
}

TEST(GridProposals, FindRectanglesAndTheirGround) {
  image::Picture picture = grey_picture(60, 80);
  const Rectangle red = {10, 10, 20, 30};
  const Rectangle green = {50, 20, 20, 20};
  paint(picture, red, kRed);
  paint(picture, green, kGreen);
  const auto masks = grid_proposals(picture, {});
  EXPECT_THAT(masks, Contains(rectangle_in(picture, red)));
  EXPECT_THAT(masks, Contains(rectangle_in(picture, green)));
}

TEST(GridProposals, NestPartsInWholes) {
  // Two halves of one object on another ground: each half and both together.
  image::Picture picture = grey_picture(80, 80);
  paint(picture, {20, 20, 20, 40}, {200, 40, 40});
  paint(picture, {40, 20, 20, 40}, {240, 80, 40});
  const auto masks = grid_proposals(picture, {});
  EXPECT_THAT(masks, Contains(rectangle_in(picture, {20, 20, 20, 40})));
  EXPECT_THAT(masks, Contains(rectangle_in(picture, {40, 20, 20, 40})));
  EXPECT_THAT(masks, Contains(rectangle_in(picture, {20, 20, 40, 40})));
}

TEST(GridProposals, JoinTheStripesOfAnObject) {
  image::Picture picture = grey_picture(64, 64);
  for (std::int64_t y = 16; y < 48; y += 8) {
    paint(picture, {16, y, 32, 4}, kRed);
    paint(picture, {16, y + 4, 32, 4}, {60, 10, 10});
  }
  EXPECT_THAT(grid_proposals(picture, {}), Contains(rectangle_in(picture, {16, 16, 32, 32})));
}

TEST(GridProposals, BeginWithTheStrongestEdges) {
  image::Picture picture = grey_picture(60, 80);
  const Rectangle strong = {50, 20, 20, 20};
  paint(picture, {10, 20, 20, 20}, {148, 128, 128});
  paint(picture, strong, {255, 0, 0});
  config::GridProposalOptions one;
  one.most = 1;
  one.largest = 0.5;
  EXPECT_THAT(grid_proposals(picture, one), ElementsAre(rectangle_in(picture, strong)));
}

TEST(GridProposals, KeepToTheBoundsOnArea) {
  image::Picture picture = grey_picture(100, 100);
  paint(picture, {10, 10, 20, 20}, kRed);    // 0.04 of the picture
  paint(picture, {50, 50, 10, 10}, kGreen);  // 0.01
  config::GridProposalOptions options;
  options.smallest = 0.02;
  options.largest = 0.5;
  EXPECT_THAT(grid_proposals(picture, options),
              ElementsAre(rectangle_in(picture, {10, 10, 20, 20})));
  options.smallest = 0.01;
  EXPECT_THAT(grid_proposals(picture, options), SizeIs(2));
}

/// A picture of noise in coarse blocks, which has many regions.
image::Picture noise(std::int64_t height, std::int64_t width) {
  image::Picture picture(height, width);
  std::uint32_t state = 7;
  for (std::int64_t y = 0; y < height; y += 8) {
    for (std::int64_t x = 0; x < width; x += 8) {
      Colour colour{};
      for (auto& byte : colour) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::uint8_t>(state >> 24U);
      }
      paint(picture,
            {x, y, std::min<std::int64_t>(8, width - x), std::min<std::int64_t>(8, height - y)},
            colour);
    }
  }
  return picture;
}

TEST(GridProposals, AreDistinctAndAtMostSoMany) {
  const auto masks = grid_proposals(noise(120, 160), {});
  ASSERT_THAT(masks, SizeIs(40));
  for (std::size_t i = 0; i < masks.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_LE(iou(masks[i], masks[j]), 0.8);
  }
  config::GridProposalOptions stricter;
  stricter.overlap = 0.3;
  stricter.most = 1000;
  const auto fewer = grid_proposals(noise(120, 160), stricter);
  for (std::size_t i = 0; i < fewer.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_LE(iou(fewer[i], fewer[j]), 0.3);
  }
}

TEST(GridProposals, AreTheSameAgain) {
  EXPECT_EQ(grid_proposals(noise(90, 130), {}), grid_proposals(noise(90, 130), {}));
}

TEST(GridProposals, OfALargePictureHaveItsSize) {
  image::Picture picture = grey_picture(480, 640);
  const Rectangle red = {100, 100, 200, 120};
  paint(picture, red, kRed);
  const auto masks = grid_proposals(picture, {});
  ASSERT_THAT(masks, Not(IsEmpty()));
  EXPECT_EQ(masks[0].height, 480);
  EXPECT_EQ(masks[0].width, 640);
  const image::Rle wanted = rectangle_in(picture, red);
  EXPECT_THAT(masks,
              Contains(testing::Truly([&](const auto& m) { return iou(m, wanted) > 0.97; })));
}

TEST(GridProposals, AnswerNarrowAndPlainPictures) {
  EXPECT_THAT(grid_proposals(grey_picture(40, 40), {}), IsEmpty());
  EXPECT_THAT(grid_proposals(grey_picture(1, 1), {}), IsEmpty());
  image::Picture line = grey_picture(1, 2000);
  paint(line, {500, 0, 500, 1}, kRed);
  EXPECT_THAT(grid_proposals(line, {}), Not(IsEmpty()));
  EXPECT_THROW(grid_proposals(image::Picture(), {}), core::Error);
}

}  // namespace
}  // namespace pcnet::proposals
