#include "pcnet/sam/tiny_vit.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::sam {
namespace {

constexpr double kNormEpsilon = 1e-5;

/// Fills parameters and buffers so that every one of them matters.
template <class Module>
Module lively(Module module, std::uint64_t seed = 1) {
  torch::manual_seed(seed);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module->parameters()) parameter.normal_(0, 0.5);
  for (auto& item : module->named_buffers()) {
    if (item.key().ends_with("running_mean")) item.value().normal_(0, 0.5);
    if (item.key().ends_with("running_var")) item.value().uniform_(0.5, 2);
  }
  module->to(torch::kDouble);
  return module;
}

at::Tensor parameter(const TinyVitBlock& block, const std::string& name) {
  return block->named_parameters()[name];
}

/// A layer norm of one vector.
at::Tensor normed(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor centred = x - x.mean();
  return centred / (centred.square().mean() + kNormEpsilon).sqrt() * weight + bias;
}

/// Attention over the cells of one window [n, n, C], pair by pair.
at::Tensor naive_attention(const at::Tensor& window, const TinyVitBlock& block,
                           std::int64_t heads) {
  const std::int64_t n = window.size(0);
  const std::int64_t width = window.size(2);
  const std::int64_t channels = width / heads;
  std::vector<at::Tensor> packed;
  for (std::int64_t i = 0; i < n * n; ++i) {
    const at::Tensor cell = normed(window[i / n][i % n], parameter(block, "attn.norm.weight"),
                                   parameter(block, "attn.norm.bias"));
    packed.push_back(parameter(block, "attn.qkv.weight").mv(cell) +
                     parameter(block, "attn.qkv.bias"));
  }
  const auto part = [&](std::int64_t cell, std::int64_t head, std::int64_t kind) {
    const std::int64_t begin = (3 * head + kind) * channels;  // a head's query, key and value
    return packed[static_cast<std::size_t>(cell)].slice(0, begin, begin + channels);
  };
  const at::Tensor biases = parameter(block, "attn.attention_biases");
  at::Tensor out = torch::zeros_like(window);
  for (std::int64_t i = 0; i < n * n; ++i) {
    std::vector<at::Tensor> joined;
    for (std::int64_t head = 0; head < heads; ++head) {
      at::Tensor scores = torch::empty({n * n}, window.options());
      at::Tensor values = torch::empty({n * n, channels}, window.options());
      for (std::int64_t j = 0; j < n * n; ++j) {
        const std::int64_t rows = std::abs(i / n - j / n);
        const std::int64_t columns = std::abs(i % n - j % n);
        scores[j] =
            part(i, head, 0).dot(part(j, head, 1)) / std::sqrt(static_cast<double>(channels)) +
            biases[head][rows * n + columns];
        values[j] = part(j, head, 2);
      }
      joined.push_back(values.t().mv(scores.softmax(0)));
    }
    out[i / n][i % n] = parameter(block, "attn.proj.weight").mv(at::cat(joined)) +
                        parameter(block, "attn.proj.bias");
  }
  return out;
}

/// Leaves a block's attention alone: its convolution passes on, its MLP adds nothing.
void keep_attention_alone(const TinyVitBlock& block) {
  const torch::NoGradGuard no_grad;
  parameter(block, "local_conv.c.weight").zero_().select(3, 1).select(2, 1).fill_(1);
  parameter(block, "local_conv.bn.weight").fill_(1);
  parameter(block, "local_conv.bn.bias").zero_();
  block->named_buffers()["local_conv.bn.running_mean"].zero_();
  block->named_buffers()["local_conv.bn.running_var"].fill_(1 - kNormEpsilon);
  parameter(block, "mlp.fc2.weight").zero_();
  parameter(block, "mlp.fc2.bias").zero_();
}

TEST(TinyVitBlock, AttendsWithinWindowsWhosePaddingTakesPart) {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t kWindow = 3;
  constexpr std::int64_t kHeight = 5;
  constexpr std::int64_t kWidth = 4;
  TinyVitBlock block = lively(TinyVitBlock(/*width=*/6, /*heads=*/2, kWindow));
  keep_attention_alone(block);
  const at::Tensor x = torch::randn({1, kHeight, kWidth, 6}, torch::kDouble);
  at::Tensor padded = torch::zeros({6, 6, 6}, torch::kDouble);
  padded.slice(0, 0, kHeight).slice(1, 0, kWidth).copy_(x[0]);
  at::Tensor attended = torch::empty_like(padded);
  for (std::int64_t top = 0; top < 6; top += kWindow) {
    for (std::int64_t left = 0; left < 6; left += kWindow) {
      const auto window = [&](const at::Tensor& of) {
        return of.slice(0, top, top + kWindow).slice(1, left, left + kWindow);
      };
      window(attended).copy_(naive_attention(window(padded), block, 2));
    }
  }
  const at::Tensor wanted = x[0] + attended.slice(0, 0, kHeight).slice(1, 0, kWidth);
  EXPECT_TRUE(at::allclose(block->forward(x)[0], wanted, 0, 1e-12));
}

TEST(TinyVitBlock, ConvolvesWithinChannelsAndAddsAnMlp) {
  const torch::NoGradGuard no_grad;
  TinyVitBlock block = lively(TinyVitBlock(/*width=*/4, /*heads=*/1, /*window=*/2));
  parameter(block, "attn.proj.weight").zero_();
  parameter(block, "attn.proj.bias").zero_();
  const at::Tensor x = torch::randn({2, 3, 4, 4}, torch::kDouble);
  const at::Tensor got = block->forward(x);
  const at::Tensor kernel = parameter(block, "local_conv.c.weight");
  const auto buffers = block->named_buffers();
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) {
        at::Tensor cell = torch::zeros({4}, torch::kDouble);
        for (std::int64_t row = std::max<std::int64_t>(i - 1, 0);
             row <= std::min<std::int64_t>(i + 1, 2); ++row) {
          for (std::int64_t column = std::max<std::int64_t>(j - 1, 0);
               column <= std::min<std::int64_t>(j + 1, 3); ++column) {
            cell += kernel.select(3, column - j + 1).select(2, row - i + 1).squeeze(1) *
                    x[b][row][column];
          }
        }
        cell = (cell - buffers["local_conv.bn.running_mean"]) /
                   (buffers["local_conv.bn.running_var"] + kNormEpsilon).sqrt() *
                   parameter(block, "local_conv.bn.weight") +
               parameter(block, "local_conv.bn.bias");
        const at::Tensor inner = parameter(block, "mlp.fc1.weight")
                                     .mv(normed(cell, parameter(block, "mlp.norm.weight"),
                                                parameter(block, "mlp.norm.bias"))) +
                                 parameter(block, "mlp.fc1.bias");
        const at::Tensor active = inner * (1 + (inner / std::sqrt(2.0)).erf()) / 2;
        const at::Tensor wanted =
            cell + parameter(block, "mlp.fc2.weight").mv(active) + parameter(block, "mlp.fc2.bias");
        EXPECT_TRUE(at::allclose(got[b][i][j], wanted, 0, 1e-12)) << b << ", " << i << ", " << j;
      }
    }
  }
}

TEST(ConvNorm, IsTheSameWhenItIsFused) {
  const torch::NoGradGuard no_grad;
  ConvNorm part = lively(ConvNorm(4, 4, 3, /*stride=*/2, /*groups=*/4));
  const at::Tensor x = torch::randn({1, 4, 5, 6}, torch::kDouble);
  const at::Tensor apart = part->forward(x);
  EXPECT_EQ(apart.sizes(), (std::vector<std::int64_t>{1, 4, 3, 3}));
  part->fuse();
  EXPECT_TRUE(at::allclose(part->forward(x), apart, 0, 1e-12));
}

TEST(ConvTriple, AddsItsInputBeforeTheLastActivation) {
  const torch::NoGradGuard no_grad;
  ConvTriple block = lively(ConvTriple(4, 8, 4, 1, /*residual=*/true));
  ConvTriple plain = lively(ConvTriple(4, 8, 4, 1, /*residual=*/false));  // the same weights
  const at::Tensor x = torch::randn({1, 4, 3, 3}, torch::kDouble);
  const at::Tensor sum = plain->forward(x.clone()) + x;
  EXPECT_TRUE(at::allclose(block->forward(x.clone()), sum * (1 + (sum / std::sqrt(2.0)).erf()) / 2,
                           0, 1e-12));
}

TEST(TinyVit, GivesACellForEach16Pixels) {
  const torch::NoGradGuard no_grad;
  const TinyVitOptions options = {.widths = {4, 8, 12, 320},
                                  .blocks = {1, 1, 2, 1},
                                  .heads = {1, 2, 3, 10},
                                  .windows = {7, 3, 2, 3}};
  TinyVit encoder = lively(TinyVit(options, /*side=*/64));
  const at::Tensor images = torch::randn({2, 3, 64, 64}, torch::kDouble);
  const at::Tensor before = encoder->forward(images);
  ASSERT_EQ(before.sizes(), (std::vector<std::int64_t>{2, kFeatures, 4, 4}));
  encoder->weights_are_set();
  EXPECT_TRUE(at::allclose(encoder->forward(images), before, 1e-9, 1e-9));
  EXPECT_TRUE(at::allclose(encoder->forward(images.slice(0, 1)), before.slice(0, 1), 1e-9, 1e-9));
}

}  // namespace
}  // namespace pcnet::sam
