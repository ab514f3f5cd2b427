#include "pcnet/core/packed_linear.h"

#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::core {
namespace {

testing::AssertionResult near(const at::Tensor& got, const at::Tensor& wanted, double tolerance) {
  const double apart = (got - wanted).abs().max().item<double>();
  const double most = wanted.abs().max().item<double>();
  if (got.sizes() == wanted.sizes() && apart <= tolerance * most) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << got.sizes() << ", " << apart << " apart of " << most;
}

/// By hand: in float64, x W^T + b.
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return x.to(at::kDouble).matmul(weight.to(at::kDouble).t()) + bias.to(at::kDouble);
}

TEST(PackedLinear, IsTheLayerForAnyNumberOfRowsAndAnyType) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  const at::Tensor weight = torch::randn({48, 40});
  const at::Tensor bias = torch::randn({48});
  PackedLinear packed(weight, bias);
  for (const std::int64_t rows : {1, 3, 20, 700}) {
    const at::Tensor x = torch::randn({rows, 40});
    EXPECT_TRUE(near(packed.plain(x), product(x, weight, bias), 1e-6)) << rows;
  }
  const at::Tensor grid = torch::randn({2, 5, 40});
  EXPECT_TRUE(near(packed.plain(grid), product(grid, weight, bias), 1e-6));
  const at::Tensor other = torch::randn({2, 5, 48});
  const at::Tensor before = other.clone();
  const at::Tensor y = product(grid, weight, bias);
  EXPECT_TRUE(near(packed.silu(grid), y / (1 + (-y).exp()), 1e-6));
  EXPECT_TRUE(near(packed.add(grid, other), product(grid, weight, bias) + other, 1e-6));
  EXPECT_TRUE(at::equal(other, before));
  const at::Tensor low = packed.plain(grid.to(at::kBFloat16));
  EXPECT_EQ(low.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(near(low, product(grid, weight, bias), 0.02));
  EXPECT_TRUE(near(packed.plain(grid), product(grid, weight, bias), 1e-6));  // packed anew

  PackedLinear exact(weight.to(at::kDouble), bias.to(at::kDouble));
  const at::Tensor precise = grid.to(at::kDouble);
  EXPECT_TRUE(near(exact.plain(precise), product(grid, weight, bias), 1e-13));
  EXPECT_TRUE(near(exact.silu(precise), y / (1 + (-y).exp()), 1e-13));
  EXPECT_TRUE(near(exact.add(precise, other), product(grid, weight, bias) + other, 1e-13));
}

TEST(PackedLinear, MultipliesWeightAndBiasByTheirFactors) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor weight = torch::randn({6, 5}, type);
    const at::Tensor bias = torch::randn({6}, type);
    PackedLinear packed(weight, bias, {.weight = 3, .bias = -0.5});
    const at::Tensor x = torch::randn({3, 5}, type);
    EXPECT_TRUE(near(packed.plain(x), product(x, 3 * weight, -0.5 * bias), 1e-6));
  }
}

TEST(PackedLinear, AnswersThreadsThatComeTogether) {
  torch::manual_seed(6);
  const at::Tensor weight = torch::randn({48, 40});
  const at::Tensor bias = torch::randn({48});
  const at::Tensor x = torch::randn({5, 40});
  PackedLinear packed(weight, bias);
  std::vector<at::Tensor> answers(8);
  std::vector<std::thread> threads;
  for (auto& answer : answers) {
    threads.emplace_back([&] {
      const torch::NoGradGuard no_grad;
      answer = packed.plain(x);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& answer : answers) EXPECT_TRUE(near(answer, product(x, weight, bias), 1e-6));
}

TEST(PackedLinear, NoticesWhateverChanges) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(4);
  at::Tensor weight = torch::randn({6, 5});
  const at::Tensor bias = torch::randn({6});
  PackedLinear packed(weight, bias);
  const at::Tensor x = torch::randn({3, 5});
  (void)packed.plain(x);
  weight.mul_(2);
  EXPECT_TRUE(near(packed.plain(x), product(x, weight, bias), 1e-6));
  weight.set_data(torch::randn({6, 5}));  // as when a module moves to another type
  EXPECT_TRUE(near(packed.plain(x), product(x, weight, bias), 1e-6));
  bias.add_(1);
  EXPECT_TRUE(near(packed.plain(x), product(x, weight, bias), 1e-6));
  packed.forget();
  EXPECT_TRUE(near(packed.plain(x), product(x, weight, bias), 1e-6));
}

}  // namespace
}  // namespace pcnet::core
