#include "pcnet/engine/optimizer.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/cuda.h"

namespace pcnet::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

at::Tensor parameter(const at::Tensor& values) {
  return values.detach().clone().set_requires_grad(true);
}

/// A matrix, a convolution in channels-last memory and a vector: equal values for each call.
std::vector<at::Tensor> parameters() {
  torch::manual_seed(1);
  const at::Tensor kernel = torch::randn({4, 3, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  return {parameter(torch::randn({3, 5})), parameter(kernel), parameter(torch::randn({4}))};
}

/// Gradients of a step; unless they are plain, that of the convolution lies channels-last and that
/// of the matrix column by column, as that of a transposed product does.
void set_gradients(std::vector<at::Tensor>& parameters, std::uint64_t step, bool plain) {
  torch::manual_seed(100 + step);
  for (auto& p : parameters) {
    at::Tensor gradient = torch::randn(p.sizes());
    if (!plain && p.dim() == 2) gradient = gradient.t().contiguous().t();
    if (!plain && p.dim() == 4) gradient = gradient.contiguous(at::MemoryFormat::ChannelsLast);
    p.mutable_grad() = gradient;
  }
}

AdamW::Options options_of() {
  return {.weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8};
}

AdamW optimizer_of(const std::vector<at::Tensor>& p) {
  return {{{"slow", 0.1, {{"a", p[0]}, {"kernel", p[1]}}}, {"fast", 1.0, {{"b", p[2]}}}},
          options_of()};
}

TEST(AdamW, IsLibTorchsOwnOverTwentyStepsAndTwoGroups) {
  for (const bool plain : {false, true}) {
    auto ours = parameters();
    auto theirs = parameters();
    ASSERT_TRUE(ours[1].is_contiguous(at::MemoryFormat::ChannelsLast));
    AdamW optimizer = optimizer_of(ours);
    const auto defaults =
        torch::optim::AdamWOptions(1).betas({0.9, 0.99}).eps(1e-8).weight_decay(0.05);
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(std::vector<at::Tensor>{theirs[0], theirs[1]},
                        std::make_unique<torch::optim::AdamWOptions>(defaults));
    groups.emplace_back(std::vector<at::Tensor>{theirs[2]},
                        std::make_unique<torch::optim::AdamWOptions>(defaults));
    torch::optim::AdamW reference(groups, defaults);
    for (std::uint64_t step = 0; step < 20; ++step) {
      const double rate = 0.02 / static_cast<double>(step + 1);
      set_gradients(ours, step, plain);
      set_gradients(theirs, step, /*plain=*/true);
      optimizer.step(rate);
      reference.param_groups()[0].options().set_lr(0.1 * rate);
      reference.param_groups()[1].options().set_lr(rate);
      reference.step();
    }
    const auto start = parameters();
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(at::allclose(ours[i], theirs[i], 1e-5, 1e-6)) << i << " plain " << plain;
      EXPECT_GT((ours[i] - start[i]).abs().max().item<float>(), 1e-3F) << i;
    }
  }
}

TEST(AdamW, HasItsHandValueForTheFirstStep) {
  // First step: the moments' ratio is the gradient's sign; decay takes rate x decay x weight.
  const at::Tensor p = parameter(torch::tensor({2.0, -1.0}));
  AdamW optimizer({{"all", 0.5, {{"p", p}}}}, {.weight_decay = 0.1});
  p.mutable_grad() = torch::tensor({3.0, -0.001});
  optimizer.step(0.2);  // rate 0.1 after the group's factor
  EXPECT_TRUE(at::allclose(p, torch::tensor({2.0 * 0.99 - 0.1, -1.0 * 0.99 + 0.1}), 1e-4, 1e-5));
}

TEST(AdamW, LeavesNormsAndBiasesWithoutDecayWhenAskedTo) {
  auto p = parameters();  // a matrix, a kernel, a vector
  const auto groups = without_decay_of_norms(
      {{"slow", 0.1, {{"a", p[0]}, {"kernel", p[1]}}}, {"mixed", 1.0, {{"b", p[2]}, {"c", p[0]}}}});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].name, "slow");
  EXPECT_TRUE(groups[0].decays);
  EXPECT_EQ(groups[0].parameters.size(), 2U);
  EXPECT_EQ(groups[2].name, "mixed, norms and biases");
  EXPECT_FALSE(groups[2].decays);
  EXPECT_EQ(groups[2].factor, 1.0);
  EXPECT_EQ(groups[2].parameters.front().first, "b");

  // A gradient of zero: what is left of a step is the decay.
  const at::Tensor weight = parameter(torch::full({2, 2}, 2.0));
  const at::Tensor bias = parameter(torch::full({2}, 2.0));
  AdamW optimizer(without_decay_of_norms({{"all", 1.0, {{"weight", weight}, {"bias", bias}}}}),
                  {.weight_decay = 0.1});
  weight.mutable_grad() = torch::zeros({2, 2});
  bias.mutable_grad() = torch::zeros({2});
  optimizer.step(0.5);
  EXPECT_TRUE(at::allclose(weight, torch::full({2, 2}, 2.0 * (1 - 0.5 * 0.1))));
  EXPECT_TRUE(at::equal(bias, torch::full({2}, 2.0)));
}

TEST(AdamW, LeavesAParameterWithoutGradientAlone) {
  auto p = parameters();
  AdamW optimizer = optimizer_of(p);
  const at::Tensor before = p[2].detach().clone();
  set_gradients(p, 0, false);
  p[2].mutable_grad().reset();
  optimizer.step(0.1);
  EXPECT_TRUE(at::equal(p[2], before));
  EXPECT_EQ(optimizer.state().at("steps.b").item<float>(), 0);
  EXPECT_EQ(optimizer.state().at("steps.a").item<float>(), 1);
}

TEST(AdamW, KeepsNoStateForAFrozenParameter) {
  const at::Tensor frozen = torch::ones({2});
  AdamW optimizer({{"all", 1.0, {{"frozen", frozen}, {"p", parameter(torch::ones({2}))}}}}, {});
  EXPECT_EQ(optimizer.state().size(), 3U);
  EXPECT_FALSE(optimizer.state().contains("exp_avg.frozen"));
}

TEST(AdamW, GoesOnExactlyAfterSavingAndLoading) {
  auto whole = parameters();
  AdamW optimizer = optimizer_of(whole);
  auto resumed = parameters();
  std::map<std::string, at::Tensor> saved;
  for (std::uint64_t step = 0; step < 6; ++step) {
    if (step == 3) {
      for (const auto& [name, tensor] : optimizer.state()) {
        saved[name] = tensor.contiguous().clone();  // as a file holds it: plain memory
      }
      const torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < whole.size(); ++i) resumed[i].copy_(whole[i]);
    }
    set_gradients(whole, step, false);
    optimizer.step(0.01);
  }
  AdamW other = optimizer_of(resumed);
  other.load_state(saved);
  for (std::uint64_t step = 3; step < 6; ++step) {
    set_gradients(resumed, step, false);
    other.step(0.01);
  }
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(at::equal(whole[i], resumed[i])) << i;
}

TEST(AdamW, NamesStateThatDoesNotFit) {
  auto p = parameters();
  AdamW optimizer = optimizer_of(p);
  auto state = optimizer.state();
  state.erase("exp_avg.kernel");
  EXPECT_THAT([&] { optimizer.load_state(state); },
              ThrowsMessage<core::Error>(HasSubstr("\"exp_avg.kernel\"")));
  state = optimizer.state();
  state["exp_avg_sq.b"] = torch::zeros({5});
  EXPECT_THAT([&] { optimizer.load_state(state); },
              ThrowsMessage<core::Error>(HasSubstr("got [5], wanted [4]")));
}

TEST(AdamW, ForgetsGradients) {
  auto p = parameters();
  AdamW optimizer = optimizer_of(p);
  set_gradients(p, 0, false);
  optimizer.zero_grad();
  for (const auto& one : p) EXPECT_FALSE(one.grad().defined());
  EXPECT_THROW(optimizer.clip_gradients(1), core::Error);
}

TEST(ClipGradients, MeasuresAndScalesTheNormOfAll) {
  const at::Tensor a = parameter(torch::zeros({2}));
  const at::Tensor b = parameter(torch::zeros({1}));
  AdamW optimizer({{"one", 1.0, {{"a", a}}}, {"two", 1.0, {{"b", b}}}}, {});
  const auto reset = [&] {
    a.mutable_grad() = torch::tensor({2.0, 3.0});
    b.mutable_grad() = torch::tensor({6.0});
  };
  reset();
  EXPECT_NEAR(optimizer.clip_gradients(0), 7, 1e-5);
  EXPECT_TRUE(at::equal(a.grad(), torch::tensor({2.0, 3.0})));
  EXPECT_NEAR(optimizer.clip_gradients(8), 7, 1e-5);
  EXPECT_TRUE(at::equal(b.grad(), torch::tensor({6.0})));
  EXPECT_NEAR(optimizer.clip_gradients(3.5), 7, 1e-5);
  EXPECT_TRUE(at::allclose(a.grad(), torch::tensor({1.0, 1.5}), 1e-4));
  EXPECT_TRUE(at::allclose(b.grad(), torch::tensor({3.0}), 1e-4));
  reset();
  b.mutable_grad().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(optimizer.clip_gradients(1)));
}

TEST(AdamW, StepsOnCudaAsOnTheProcessor) {
  PCNET_NEED_CUDA();
  auto here = parameters();
  auto there = parameters();
  for (auto& p : there) p = parameter(p.to(at::kCUDA));
  AdamW ours = optimizer_of(here);
  AdamW theirs = optimizer_of(there);
  for (std::uint64_t step = 0; step < 5; ++step) {
    set_gradients(here, step, /*plain=*/false);
    set_gradients(there, step, /*plain=*/false);
    for (auto& p : there) p.mutable_grad() = p.grad().to(at::kCUDA);
    EXPECT_NEAR(ours.clip_gradients(0.5), theirs.clip_gradients(0.5), 1e-5);
    ours.step(1e-2);
    theirs.step(1e-2);
  }
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_TRUE(at::allclose(here[i], there[i].cpu(), 1e-5, 1e-6)) << i;
  }
}

}  // namespace
}  // namespace pcnet::engine
