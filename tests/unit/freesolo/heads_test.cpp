#include "pcnet/freesolo/heads.h"

#include <gtest/gtest.h>

#include "support/tiny_freesolo.h"

namespace pcnet::freesolo {
namespace {

std::int64_t numbers_of(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

std::array<at::Tensor, kLevels> pyramid_of(double value) {
  std::array<at::Tensor, kLevels> pyramid;
  for (std::size_t i = 0; i < kLevels; ++i) {
    pyramid[i] = torch::full({1, 6, 32 >> i, 64 >> i}, value);
  }
  return pyramid;
}

std::array<at::Tensor, kLevels> random_pyramid() {
  auto pyramid = pyramid_of(0);
  for (auto& level : pyramid) level.normal_();
  return pyramid;
}

/// Makes every 3 x 3 convolution one of single pixels.
void keep_centres(torch::nn::Module& module) {
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() != 4 || parameter.size(2) != 3) continue;
    const at::Tensor centre = parameter.select(3, 1).select(2, 1).clone();
    parameter.zero_().select(3, 1).select(2, 1).copy_(centre);
  }
}

TEST(WithCoordinates, AppendsColumnsThenRows) {
  const at::Tensor features = torch::randn({2, 1, 2, 3});
  const at::Tensor placed = with_coordinates(features);
  ASSERT_EQ(placed.sizes(), (at::IntArrayRef{2, 3, 2, 3}));
  EXPECT_TRUE(at::equal(placed.slice(1, 0, 1), features));
  for (std::int64_t b = 0; b < 2; ++b) {
    EXPECT_TRUE(at::equal(placed[b][1], torch::tensor({{-1.F, 0.F, 1.F}, {-1.F, 0.F, 1.F}})));
    EXPECT_TRUE(at::equal(placed[b][2], torch::tensor({{-1.F, -1.F, -1.F}, {1.F, 1.F, 1.F}})));
  }
}

TEST(WithCoordinates, PutsASinglePixelFirst) {
  EXPECT_TRUE(at::equal(with_coordinates(torch::zeros({1, 1, 1, 1})).flatten(),
                        torch::tensor({0.F, -1.F, -1.F})));
}

TEST(InstanceHead, IsAsLargeAsTheReleasedOne) {
  // 18,311,554 with the 512 x 128 x 9 + 128 numbers of emb_pred.
  EXPECT_EQ(numbers_of(*InstanceHead(NetworkOptions{})), 18'311'554 - 589'952);
}

TEST(InstanceHead, AnswersForEveryCellOfEveryLevel) {
  const torch::NoGradGuard no_grad;
  const NetworkOptions options = support::tiny_freesolo();
  InstanceHead head(options);
  const Cells cells = head(random_pyramid());
  for (std::size_t i = 0; i < kLevels; ++i) {
    const std::int64_t side = options.grids[i];
    EXPECT_EQ(cells.logits[i].sizes(), (at::IntArrayRef{1, 2, side, side}));
    EXPECT_EQ(cells.kernels[i].sizes(), (at::IntArrayRef{1, 10, side, side}));
  }
}

TEST(InstanceHead, TellsKernelsAloneWhereTheyAre) {
  const torch::NoGradGuard no_grad;
  InstanceHead head(support::tiny_freesolo());
  support::fill(*head, 1);
  keep_centres(*head);
  const Cells cells = head(pyramid_of(0.7));
  for (std::size_t i = 0; i < kLevels; ++i) {
    const at::Tensor logits = cells.logits[i];
    EXPECT_TRUE(at::allclose(logits, logits.mean({2, 3}, /*keepdim=*/true).expand_as(logits)));
    EXPECT_GT(cells.kernels[i].std({2, 3}).min().item<float>(), 1e-3) << i;
  }
}

TEST(InstanceHead, SeesTheFinestLevelAtHalfSize) {
  const torch::NoGradGuard no_grad;
  InstanceHead head(support::tiny_freesolo());
  auto pyramid = random_pyramid();
  const Cells wanted = head(pyramid);
  // A checkerboard of opposite values has means of 0 over 2 x 2 pixels.
  const at::Tensor rows = torch::arange(32).unsqueeze(1);
  const at::Tensor board = ((rows + torch::arange(64)) % 2 * 2 - 1).to(at::kFloat);
  pyramid[0] = pyramid[0] + board;
  const Cells got = head(pyramid);
  EXPECT_TRUE(at::allclose(got.logits[0], wanted.logits[0], 1e-3, 1e-4));
  EXPECT_TRUE(at::allclose(got.kernels[0], wanted.kernels[0], 1e-3, 1e-4));
}

TEST(MaskHead, IsAsLargeAsTheReleasedOne) {
  EXPECT_EQ(numbers_of(*MaskHead(NetworkOptions{})), 1'659'392);
}

TEST(MaskHead, HearsFourLevelsAtTheFinestSize) {
  const torch::NoGradGuard no_grad;
  MaskHead head(support::tiny_freesolo());
  support::fill(*head, 2);
  const auto pyramid = random_pyramid();
  const at::Tensor features = head(pyramid);
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{1, 10, 32, 64}));
  EXPECT_GE(features.min().item<float>(), 0);
  for (std::size_t i = 0; i < kLevels; ++i) {
    auto other = pyramid;
    other[i] = torch::randn_like(other[i]);
    EXPECT_EQ(at::equal(head(other), features), i == 4) << i;
  }
}

TEST(MaskHead, KnowsPlacesByItsFourthLevel) {
  const torch::NoGradGuard no_grad;
  MaskHead head(support::tiny_freesolo());
  support::fill(*head, 3);
  keep_centres(*head);
  const auto spread = [&] { return head(pyramid_of(0.7)).std({2, 3}).max().item<float>(); };
  EXPECT_GT(spread(), 1e-3);
  auto parameters = head->named_parameters();
  parameters["convs_all_levels.3.conv0.0.weight"].slice(/*dim=*/1, /*start=*/6).zero_();
  EXPECT_LT(spread(), 1e-4);
}

}  // namespace
}  // namespace pcnet::freesolo
