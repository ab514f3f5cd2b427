#include "pcnet/freesolo/backbone.h"

#include <cmath>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/tiny_freesolo.h"

namespace pcnet::freesolo {
namespace {

using Named = torch::OrderedDict<std::string, at::Tensor>;

/// x [in, h, w] -> the convolution's and the norm's formula, pixel by pixel, in double.
at::Tensor naive_conv_norm(const at::Tensor& x, const torch::nn::Module& module,
                           std::int64_t stride) {
  const Named parameters = module.named_parameters();
  const Named buffers = module.named_buffers();
  const at::Tensor weight = parameters["weight"].detach().to(at::kDouble);
  const auto norm = [&](const char* name, std::int64_t channel) {
    return buffers[name][channel].item<double>();
  };
  const std::int64_t pad = weight.size(2) / 2;
  const std::int64_t height = (x.size(1) - 1) / stride + 1;
  const std::int64_t width = (x.size(2) - 1) / stride + 1;
  const at::Tensor padded = at::constant_pad_nd(x.to(at::kDouble), {pad, pad, pad, pad});
  at::Tensor out = torch::empty({weight.size(0), height, width}, at::kDouble);
  for (std::int64_t c = 0; c < weight.size(0); ++c) {
    for (std::int64_t i = 0; i < height; ++i) {
      for (std::int64_t j = 0; j < width; ++j) {
        const at::Tensor window = padded.slice(1, i * stride, i * stride + weight.size(2))
                                      .slice(2, j * stride, j * stride + weight.size(3));
        const double sum = (window * weight[c]).sum().item<double>();
        out[c][i][j] = (sum - norm("norm.running_mean", c)) * norm("norm.weight", c) /
                           std::sqrt(norm("norm.running_var", c) + 1e-5) +
                       norm("norm.bias", c);
      }
    }
  }
  return out;
}

bool near(const at::Tensor& got, const at::Tensor& wanted) {
  return at::allclose(got.to(at::kDouble), wanted, 1e-5, 1e-5);
}

TEST(FreesoloConvNorm, IsTheNaiveLoopFoldedOrNot) {
  const torch::NoGradGuard no_grad;
  ConvNorm conv(3, 4, /*kernel=*/3, /*stride=*/2);
  support::fill(*conv, 1);
  const at::Tensor x = torch::randn({1, 3, 7, 6});
  const at::Tensor wanted = naive_conv_norm(x[0], *conv, 2);
  EXPECT_TRUE(near(conv(x)[0], wanted));
  conv->fold();
  EXPECT_TRUE(near(conv(x)[0], wanted));
  EXPECT_TRUE(near(naive_conv_norm(x[0], *conv, 2), wanted)) << "its tensors are still a network";
}

TEST(FreesoloConvNorm, ChangesNoBitWhenFoldedTwice) {
  ConvNorm conv(2, 3, /*kernel=*/1);
  support::fill(*conv, 2);
  conv->fold();
  const at::Tensor weight = conv->weight.clone();
  const at::Tensor bias = conv->bias.clone();
  conv->fold();
  EXPECT_TRUE(at::equal(conv->weight, weight));
  EXPECT_TRUE(at::equal(conv->bias, bias));
}

TEST(FreesoloConvNorm, FoldsWeightsThatWereCopiedIntoItLater) {
  const torch::NoGradGuard no_grad;
  ConvNorm conv(2, 3, /*kernel=*/1);
  conv->fold();
  support::fill(*conv, 3);
  const at::Tensor x = torch::randn({1, 2, 3, 3});
  const at::Tensor wanted = naive_conv_norm(x[0], *conv, 1);
  conv->fold();
  EXPECT_TRUE(near(conv(x)[0], wanted));
}

TEST(FreesoloBottleneck, IsTheNaiveLoopWithItsStrideInThe3x3Convolution) {
  const torch::NoGradGuard no_grad;
  Bottleneck block(4, 2, /*stride=*/2);
  support::fill(*block, 4);
  const at::Tensor x = torch::randn({1, 4, 6, 8});
  const auto children = block->named_children();
  at::Tensor wanted = naive_conv_norm(x[0], *children["conv1"], 1).relu();
  wanted = naive_conv_norm(wanted, *children["conv2"], 2).relu();
  wanted = naive_conv_norm(wanted, *children["conv3"], 1) +
           naive_conv_norm(x[0], *children["shortcut"], 2);
  EXPECT_TRUE(near(block(x)[0], wanted.relu()));
}

TEST(FreesoloBackbone, GivesFiveLevelsTheLastEverySecondPixelOfTheFourth) {
  const torch::NoGradGuard no_grad;
  Backbone backbone(support::tiny_freesolo());
  support::fill(*backbone, 5);
  const auto pyramid = backbone(torch::randn({2, 3, 64, 96}));
  for (std::size_t i = 0; i < kLevels; ++i) {
    const std::int64_t stride = 4 << i;
    EXPECT_EQ(pyramid[i].sizes(),
              (at::IntArrayRef{2, 6, (64 + stride - 1) / stride, (96 + stride - 1) / stride}));
  }
  for (std::int64_t j = 0; j < 2; ++j) {
    EXPECT_TRUE(
        at::equal(pyramid[4].select(3, j), pyramid[3].select(2, 0).select(2, 2 * j).unsqueeze(2)));
  }
}

TEST(FreesoloBackbone, AddsEachCoarserLevelToTheFiner) {
  const torch::NoGradGuard no_grad;
  Backbone backbone(support::tiny_freesolo());
  // Laterals that say 1, 10, 100, 1000 whatever they see; outputs that change nothing.
  double value = 1;
  for (const char* level : {"2", "3", "4", "5"}) {
    auto parameters = backbone->named_parameters();
    parameters[std::string("fpn_lateral") + level + ".weight"].zero_();
    parameters[std::string("fpn_lateral") + level + ".bias"].fill_(value);
    at::Tensor& out = parameters[std::string("fpn_output") + level + ".weight"];
    out.zero_().select(3, 1).select(2, 1).copy_(torch::eye(6));
    parameters[std::string("fpn_output") + level + ".bias"].zero_();
    value *= 10;
  }
  const auto pyramid = backbone(torch::randn({1, 3, 32, 32}));
  for (std::size_t i = 0; i < kLevels; ++i) {
    const double wanted = std::array{1111, 1110, 1100, 1000, 1000}[i];
    EXPECT_TRUE(pyramid[i].eq(wanted).all().item<bool>()) << i;
  }
}

TEST(FreesoloBackbone, RefusesSidesThatAreNoMultiplesOf32) {
  Backbone backbone(support::tiny_freesolo());
  EXPECT_THROW(backbone(torch::zeros({1, 3, 64, 80})), core::Error);
  EXPECT_THROW(backbone(torch::zeros({1, 3, 0, 32})), core::Error);
  EXPECT_THROW(backbone(torch::zeros({3, 64, 64})), core::Error);
}

}  // namespace
}  // namespace pcnet::freesolo
