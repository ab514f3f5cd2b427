#include "pcnet/core/packed_linear.h"

#include <algorithm>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/autocast.h"

#include "src/core/panel_product.h"

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

constexpr bool kTraining = true;

TEST(PackedLinear, IsTheLayerForAnyNumberOfRowsAndOutputs) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  for (const auto& [out, in] : {std::pair{48, 40}, {1, 1}, {64, 7}, {70, 33}, {200, 512}}) {
    const at::Tensor weight = torch::randn({out, in});
    const at::Tensor bias = torch::randn({out});
    PackedLinear packed;
    for (const std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 20, 700}) {
      const at::Tensor x = torch::randn({rows, in});
      EXPECT_TRUE(near(packed(x, weight, bias, !kTraining), product(x, weight, bias), 1e-6))
          << rows << " x " << in << " -> " << out;
    }
    const at::Tensor grid = torch::randn({2, 5, in});
    EXPECT_TRUE(near(packed(grid, weight, bias, !kTraining), product(grid, weight, bias), 1e-6));
    EXPECT_EQ(packed(torch::empty({0, in}), weight, bias, !kTraining).sizes(),
              (at::IntArrayRef{0, out}));
  }
}

TEST(PackedLinear, IsLibTorchsInTrainingWithGradientsAndInOtherTypes) {
  torch::manual_seed(5);
  const at::Tensor weight = torch::randn({70, 40}).requires_grad_();
  const at::Tensor bias = torch::randn({70});
  const at::Tensor x = torch::randn({3, 40});
  PackedLinear packed;
  packed(x, weight, bias, !kTraining).sum().backward();
  EXPECT_TRUE(at::allclose(weight.grad(), x.sum(0).expand({70, 40})));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(packed(x, weight, bias, kTraining), at::linear(x, weight, bias)));
  const at::Tensor exact =
      packed(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), !kTraining);
  EXPECT_TRUE(near(exact, product(x, weight, bias), 1e-13));
  EXPECT_THROW(packed(torch::randn({3, 41}), weight, bias, !kTraining), c10::Error);
  EXPECT_THROW(packed(torch::randn({3, 39}), weight, bias, !kTraining), c10::Error);
  const AutocastScope scope({.device = at::kCPU, .enabled = true, .type = at::kBFloat16});
  EXPECT_EQ(packed(x, weight, bias, !kTraining).scalar_type(), at::kBFloat16);
}

TEST(PackedLinear, GivesARowTheSameBitsWhateverStandsBesideIt) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(7);
  if (!has_panel_product()) GTEST_SKIP() << "the processor has no AVX2";
  PackedLinear packed;
  const at::Tensor weight = torch::randn({130, 65});
  const at::Tensor bias = torch::randn({130});
  const at::Tensor x = torch::randn({203, 65});
  const at::Tensor together = packed(x, weight, bias, !kTraining);
  for (std::int64_t i = 0; i < 203; ++i) {
    EXPECT_TRUE(at::equal(packed(x.slice(0, i, i + 1), weight, bias, !kTraining)[0], together[i]))
        << i;
  }
}

TEST(Linear, IsPackedInEvaluationAlone) {
  if (!has_panel_product()) GTEST_SKIP() << "the processor has no AVX2";
  torch::manual_seed(8);
  Linear layer(40, 70);
  const at::Tensor x = torch::randn({3, 40});
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(layer(x), at::linear(x, layer->weight, layer->bias)));
  layer->eval();
  const at::Tensor wanted = product(x, layer->weight, layer->bias);
  EXPECT_TRUE(near(layer(x), wanted, 1e-6));
  // Written without leaving a trace, as nothing does but this test.
  auto* values = layer->weight.mutable_data_ptr<float>();
  std::fill_n(values, layer->weight.numel(), 0.0F);
  EXPECT_TRUE(near(layer(x), wanted, 1e-6));  // it was packed before
  layer->train();
  layer->eval();
  EXPECT_TRUE(near(layer(x), product(x, layer->weight, layer->bias), 1e-6));  // and forgotten
  layer->to(at::kDouble);
  EXPECT_TRUE(near(layer(x.to(at::kDouble)), product(x, layer->weight, layer->bias), 1e-13));
}

TEST(PackedLinear, AnswersThreadsThatComeTogether) {
  torch::manual_seed(6);
  const at::Tensor weight = torch::randn({48, 40});
  const at::Tensor bias = torch::randn({48});
  const at::Tensor x = torch::randn({5, 40});
  PackedLinear packed;
  std::vector<at::Tensor> answers(8);
  std::vector<std::thread> threads;
  for (auto& answer : answers) {
    threads.emplace_back([&] {
      const torch::NoGradGuard no_grad;
      answer = packed(x, weight, bias, !kTraining);
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
  PackedLinear packed;
  const at::Tensor x = torch::randn({3, 5});
  (void)packed(x, weight, bias, !kTraining);
  weight.mul_(2);
  EXPECT_TRUE(near(packed(x, weight, bias, !kTraining), product(x, weight, bias), 1e-6));
  weight.set_data(torch::randn({6, 5}));  // as when a module moves to another type
  EXPECT_TRUE(near(packed(x, weight, bias, !kTraining), product(x, weight, bias), 1e-6));
  bias.add_(1);
  EXPECT_TRUE(near(packed(x, weight, bias, !kTraining), product(x, weight, bias), 1e-6));
  packed.forget();
  EXPECT_TRUE(near(packed(x, weight, bias, !kTraining), product(x, weight, bias), 1e-6));
}

}  // namespace
}  // namespace pcnet::core
