#include "pcnet/data/proposals/proposal_grid.h"

#include <gtest/gtest.h>
#include <torch/nn/functional/upsampling.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"

#include "support/hand_dataset.h"

namespace pcnet::data {
namespace {

using support::Rectangle;

image::Rle rectangle(std::int64_t height, std::int64_t width, const Rectangle& r) {
  return image::encode(support::rectangle_mask(height, width, r));
}

at::Tensor grid(const std::vector<std::uint8_t>& cells, std::int64_t height, std::int64_t width) {
  return torch::tensor(std::vector<std::int64_t>(cells.begin(), cells.end()))
      .to(torch::kUInt8)
      .view({1, height, width});
}

image::Rle random_mask(core::Rng& rng, std::int64_t height, std::int64_t width) {
  image::Mask mask(height, width);
  const double share = rng.uniform();
  for (auto& value : mask.data) value = rng.chance(share) ? 1 : 0;
  return image::encode(mask);
}

/// The rule with a loop over every pixel and cell: overlaps in units of 1 / (pixels x cells).
at::Tensor naive_grid(const image::Rle& rle, std::int64_t height, std::int64_t width) {
  const image::Mask mask = image::decode(rle);
  at::Tensor out = torch::zeros({1, height, width}, torch::kUInt8);
  std::int64_t most = 0;
  std::pair<std::int64_t, std::int64_t> fullest;
  const auto overlap = [](std::int64_t pixel, std::int64_t cell, std::int64_t pixels,
                          std::int64_t cells) {
    const auto from = std::max(pixel * cells, cell * pixels);
    return std::max<std::int64_t>(std::min((pixel + 1) * cells, (cell + 1) * pixels) - from, 0);
  };
  for (std::int64_t r = 0; r < height; ++r) {
    for (std::int64_t c = 0; c < width; ++c) {
      std::int64_t sum = 0;
      for (std::int64_t y = 0; y < rle.height; ++y) {
        for (std::int64_t x = 0; x < rle.width; ++x) {
          sum +=
              mask.at(y, x) * overlap(y, r, rle.height, height) * overlap(x, c, rle.width, width);
        }
      }
      if (2 * sum >= rle.height * rle.width) out[0][r][c] = 1;
      if (sum > most) fullest = {r, c};
      most = std::max(most, sum);
    }
  }
  if (most > 0 && out.sum().item<std::int64_t>() == 0) out[0][fullest.first][fullest.second] = 1;
  return out;
}

TEST(ToGrid, TakesCellsThatAreHalfCovered) {
  // Cells of 2 x 2 px: 2, 1 / 4, 0 pixels are covered.
  image::Mask mask = support::rectangle_mask(4, 4, {0, 2, 2, 2});
  mask.at(0, 0) = mask.at(1, 1) = mask.at(0, 2) = 1;
  EXPECT_TRUE(at::equal(to_grid({image::encode(mask)}, 2, 2, 1), grid({1, 0, 1, 0}, 2, 2)));
}

TEST(ToGrid, SplitsPixelsBetweenCells) {
  // Cells of 1.5 x 1.5 px: the left column covers 1.5 of 2.25 of the left cells.
  EXPECT_TRUE(
      at::equal(to_grid({rectangle(3, 3, {0, 0, 1, 3})}, 2, 2, 1), grid({1, 0, 1, 0}, 2, 2)));
  // The two left columns: all of the left cells, 0.75 of 2.25 of the right ones.
  EXPECT_TRUE(
      at::equal(to_grid({rectangle(3, 3, {0, 0, 2, 3})}, 2, 2, 1), grid({1, 0, 1, 0}, 2, 2)));
}

TEST(ToGrid, KeepsTheFullestCellOfASmallMask) {
  EXPECT_TRUE(
      at::equal(to_grid({rectangle(8, 8, {3, 4, 1, 1})}, 2, 2, 1), grid({0, 0, 1, 0}, 2, 2)));
  // The middle pixel lies in four cells alike: the first.
  EXPECT_TRUE(
      at::equal(to_grid({rectangle(3, 3, {1, 1, 1, 1})}, 2, 2, 1), grid({1, 0, 0, 0}, 2, 2)));
}

TEST(ToGrid, PadsWithZerosAndLeavesEmptyMasksSo) {
  const at::Tensor planes =
      to_grid({rectangle(4, 4, {0, 0, 0, 0}), rectangle(4, 4, {0, 0, 4, 4})}, 2, 2, 4);
  ASSERT_EQ(planes.sizes(), (at::IntArrayRef{4, 2, 2}));
  EXPECT_EQ(planes.scalar_type(), at::kByte);
  EXPECT_EQ(planes.select(0, 0).sum().item<std::int64_t>(), 0);
  EXPECT_EQ(planes.select(0, 1).sum().item<std::int64_t>(), 4);
  EXPECT_EQ(planes.slice(0, 2).sum().item<std::int64_t>(), 0);
}

TEST(ToGrid, TakesTheLargestInTheirOrder) {
  const std::vector<image::Rle> masks = {
      rectangle(4, 4, {2, 0, 2, 2}), rectangle(4, 4, {0, 0, 1, 1}), rectangle(4, 4, {0, 0, 4, 4})};
  const at::Tensor planes = to_grid(masks, 2, 2, 2);
  EXPECT_EQ(planes.select(0, 0).sum().item<std::int64_t>(), 1);
  EXPECT_EQ(planes[0][0][1].item<std::int64_t>(), 1);
  EXPECT_EQ(planes.select(0, 1).sum().item<std::int64_t>(), 4);
}

TEST(ToGrid, EqualsTheNaiveLoopAtAnySize) {
  core::Rng rng({7});
  const std::vector<std::array<std::int64_t, 4>> sizes = {
      {7, 13, 10, 10}, {48, 64, 10, 10}, {1, 1, 3, 2}, {20, 9, 7, 11}, {31, 17, 12, 12}};
  for (const auto& [h, w, rows, columns] : sizes) {
    for (int i = 0; i < 10; ++i) {
      const image::Rle mask = random_mask(rng, h, w);
      EXPECT_TRUE(at::equal(to_grid({mask}, rows, columns, 1), naive_grid(mask, rows, columns)))
          << h << " x " << w;
    }
  }
}

TEST(ToGrid, RefusesWhatHasNoSize) {
  EXPECT_THROW(to_grid({}, 0, 10, 40), core::Error);
  EXPECT_THROW(to_grid({image::Rle{2, 2, {3}}}, 2, 2, 1), core::Error);
  EXPECT_THROW(to_grid_nearest({image::Rle{2, 2, {5}}}, 2, 2, 1), core::Error);
}

TEST(ToGridNearest, EqualsTorch) {
  namespace F = torch::nn::functional;
  core::Rng rng({8});
  for (const auto& [h, w] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {480, 640}, {427, 640}, {33, 31}, {5, 100}, {32, 32}, {1, 1}}) {
    const image::Rle rle = random_mask(rng, h, w);
    const image::Mask mask = image::decode(rle);
    at::Tensor whole = torch::empty({1, 1, h, w}, torch::kUInt8);
    std::copy(mask.data.begin(), mask.data.end(), whole.mutable_data_ptr<std::uint8_t>());
    const at::Tensor wanted = F::interpolate(
        whole.to(torch::kFloat),
        F::InterpolateFuncOptions().size(std::vector<std::int64_t>{32, 32}).mode(torch::kNearest));
    EXPECT_TRUE(at::equal(to_grid_nearest({rle}, 32, 32, 1), wanted[0].to(torch::kUInt8)))
        << h << " x " << w;
  }
}

}  // namespace
}  // namespace pcnet::data
