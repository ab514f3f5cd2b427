#include "pcnet/core/recompute.h"

#include <memory>

#include <gtest/gtest.h>

#include "pcnet/core/autocast.h"
#include "pcnet/core/batch_norm.h"

#include "support/allocations.h"

namespace pcnet::core {
namespace {

namespace nn = torch::nn;

/// A convolution with a norm; counts how often it is computed.
struct StageImpl : nn::Module {
  StageImpl() {
    torch::manual_seed(1);
    convolution = register_module("convolution", nn::Conv2d(nn::Conv2dOptions(3, 4, 3)));
    norm = register_module("norm", nn::BatchNorm2d(4));
  }
  at::Tensor forward(const at::Tensor& x) {
    ++calls;
    const at::Tensor wide = convolution(x);
    type = wide.scalar_type();
    return norm(wide).relu();
  }

  nn::Conv2d convolution = nullptr;
  nn::BatchNorm2d norm = nullptr;
  int calls = 0;
  at::ScalarType type = at::kFloat;  // of the convolution's result, the last time
};
TORCH_MODULE(Stage);

at::Tensor some_input() {
  torch::manual_seed(7);
  return torch::randn({5, 3, 6, 6});
}

/// What a pass leaves behind.
struct Pass {
  at::Tensor output, input_gradient;
  std::vector<at::Tensor> gradients;
  at::Tensor mean, variance, count;
  int calls;
  at::ScalarType type;
};

Pass pass(bool recompute, bool input_gradient = true) {
  Stage stage;
  const at::Tensor x = some_input().set_requires_grad(input_gradient);
  const auto run = [&](const at::Tensor& in) { return stage(in); };
  const at::Tensor y = recompute ? recomputed(*stage, run, x) : run(x);
  (y * torch::linspace(-1, 2, y.numel()).view_as(y)).sum().backward();
  Pass out{y.detach(),
           x.grad(),
           {},
           stage->norm->running_mean,
           stage->norm->running_var,
           stage->norm->num_batches_tracked,
           stage->calls,
           stage->type};
  for (const auto& parameter : stage->parameters()) out.gradients.push_back(parameter.grad());
  return out;
}

void expect_equal(const Pass& plain, const Pass& again) {
  EXPECT_TRUE(at::equal(plain.output, again.output));
  ASSERT_EQ(plain.gradients.size(), again.gradients.size());
  for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(plain.gradients[i], again.gradients[i])) << i;
  }
  EXPECT_TRUE(at::equal(plain.mean, again.mean));
  EXPECT_TRUE(at::equal(plain.variance, again.variance));
  EXPECT_TRUE(at::equal(plain.count, again.count));
}

TEST(Recomputed, GivesTheGradientToTheBitAndCountsStatisticsOnce) {
  const Pass plain = pass(false);
  const Pass again = pass(true);
  expect_equal(plain, again);
  EXPECT_TRUE(at::equal(plain.input_gradient, again.input_gradient));
  EXPECT_EQ(again.count.item<std::int64_t>(), 1);
  EXPECT_EQ(plain.calls, 1);
  EXPECT_EQ(again.calls, 2);
}

TEST(Recomputed, GivesParametersTheirGradientWhereTheInputHasNone) {
  const Pass again = pass(true, /*input_gradient=*/false);
  expect_equal(pass(false, /*input_gradient=*/false), again);
  EXPECT_FALSE(again.input_gradient.defined());
}

TEST(Recomputed, UsesTheArithmeticOfTheFirstTime) {
  const auto in_bf16 = [](bool recompute) {
    Stage stage;
    at::Tensor y;
    const at::Tensor x = some_input();
    {
      const AutocastScope scope({.device = c10::kCPU, .enabled = true, .type = at::kBFloat16});
      y = recompute ? recomputed(
                          *stage, [&](const at::Tensor& in) { return stage(in); }, x)
                    : stage(x);
    }
    y.to(at::kFloat).square().sum().backward();
    EXPECT_EQ(stage->type, at::kBFloat16);
    EXPECT_FALSE(Autocast::of(c10::kCPU).enabled);
    return stage->convolution->weight.grad();
  };
  EXPECT_TRUE(at::equal(in_bf16(false), in_bf16(true)));
}

TEST(Recomputed, LeavesNoWeightConvertedWithoutAGraph) {
  Stage stage;
  const AutocastScope scope({.device = c10::kCPU, .enabled = true, .type = at::kBFloat16});
  const auto run = [&](const at::Tensor& in) { return stage(in); };
  const at::Tensor again = recomputed(*stage, run, some_input());
  // The second use in one scope: its converted weight must be part of its own graph.
  at::Tensor loss = stage(some_input()).to(at::kFloat).square().sum();
  loss.backward();
  EXPECT_TRUE(stage->convolution->weight.grad().defined());
  EXPECT_TRUE(again.requires_grad());
}

TEST(Recomputed, NestsAndKeepsLessMemory) {
  constexpr int kDeep = 6;
  const auto peak = [](bool recompute, at::Tensor& gradient) {
    torch::manual_seed(1);
    nn::ModuleList all;
    for (int i = 0; i < kDeep; ++i) {
      all->push_back(nn::Sequential(nn::Conv2d(nn::Conv2dOptions(3, 3, 3).padding(1)),
                                    nn::BatchNorm2d(3), nn::ReLU(), nn::Tanh(), nn::Sigmoid()));
    }
    const auto inner = [&](at::Tensor x) {
      for (const auto& child : all->children()) {
        const auto block = std::dynamic_pointer_cast<nn::SequentialImpl>(child);
        x = recompute ? recomputed(
                            *block, [block](const at::Tensor& in) { return block->forward(in); }, x)
                      : block->forward(x);
      }
      return x;
    };
    torch::manual_seed(3);
    const at::Tensor x = torch::randn({4, 3, 32, 32});
    const support::AllocationWatch watch;
    at::Tensor y = recompute ? recomputed(*all, inner, x) : inner(x);
    y.square().sum().backward();
    gradient = all->parameters().front().grad();
    return watch.peak();
  };
  at::Tensor plain, again;
  const std::int64_t whole = peak(false, plain);
  const std::int64_t less = peak(true, again);
  EXPECT_TRUE(at::equal(plain, again));
  EXPECT_LT(less, whole * 2 / 3);
}

TEST(Recomputed, IsTheStageItselfWhereNoGradientIsWanted) {
  const torch::NoGradGuard no_grad;
  Stage stage;
  const at::Tensor y = recomputed(
      *stage, [&](const at::Tensor& in) { return stage(in); }, some_input());
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(stage->calls, 1);
}

TEST(StatisticsOfPart, MovesTheStatisticsOnceByTheMeanOfTheParts) {
  nn::Sequential net(nn::BatchNorm2d(nn::BatchNorm2dOptions(1).momentum(0.2)));
  const auto norm = std::dynamic_pointer_cast<nn::BatchNorm2dImpl>(net->children().front());
  norm->running_mean.fill_(10);
  // Three samples of mean 1, 4 and 7: one, then two of them.
  const at::Tensor all = torch::tensor({{0.0, 2.0}, {3.0, 5.0}, {6.0, 8.0}}).view({3, 1, 1, 2});
  for (const BatchPart& part : {BatchPart{.before = 0, .size = 1, .whole = 3},
                                BatchPart{.before = 1, .size = 2, .whole = 3}}) {
    const StatisticsOfPart counted(*net, part);
    net->forward(all.slice(0, part.before, part.before + part.size));
  }
  EXPECT_NEAR(norm->running_mean.item<double>(), 0.8 * 10 + 0.2 * (1.0 / 3 * 1 + 2.0 / 3 * 5.5),
              1e-5);
  // Unbiased variances: of {0, 2} 2, of {3, 5, 6, 8} 13/3.
  EXPECT_NEAR(norm->running_var.item<double>(), 0.8 * 1 + 0.2 * (1.0 / 3 * 2 + 2.0 / 3 * 13 / 3),
              1e-5);
  EXPECT_EQ(norm->num_batches_tracked.item<std::int64_t>(), 1);
  EXPECT_EQ(norm->options.momentum(), 0.2);
}

}  // namespace
}  // namespace pcnet::core
