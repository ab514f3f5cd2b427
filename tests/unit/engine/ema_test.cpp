#include "pcnet/engine/ema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A trained weight, a frozen one and a norm's statistics.
struct NetImpl : torch::nn::Module {
  NetImpl() {
    weight = register_parameter("weight", torch::zeros({2}));
    frozen = register_parameter("frozen", torch::ones({1}), /*requires_grad=*/false);
    norm = register_module("norm", torch::nn::BatchNorm2d(1));
  }
  void set(double value) {
    const torch::NoGradGuard no_grad;
    weight.fill_(value);
    norm->running_mean.fill_(10 * value);
  }
  at::Tensor weight, frozen;
  torch::nn::BatchNorm2d norm = nullptr;
};

double first(const at::Tensor& x) { return x.flatten()[0].item<double>(); }

TEST(Ema, IsTheRunningMeanByHand) {
  NetImpl net;
  Ema ema(net, 0.9);
  EXPECT_TRUE(ema.empty());
  for (const double value : {1.0, 2.0, 4.0}) {
    net.set(value);
    ema.update();
  }
  const double mean = 0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 4;
  const auto state = ema.state();
  EXPECT_NEAR(first(state.at("ema.weight")), mean, 1e-6);
  EXPECT_NEAR(first(state.at("ema.norm.running_mean")), 10 * mean, 1e-5);
  EXPECT_FALSE(state.contains("ema.frozen"));
  EXPECT_FALSE(state.contains("ema.norm.num_batches_tracked"));
}

TEST(Ema, StandsInForTheWeightsWhileAScopeLives) {
  NetImpl net;
  Ema ema(net, 0.5);
  { const AveragedWeights nothing_yet(&ema); }
  { const AveragedWeights none(nullptr); }
  net.set(1);
  ema.update();
  net.set(3);
  ema.update();
  net.weight.mutable_grad() = torch::ones({2});
  const void* memory = net.weight.data_ptr();
  {
    const AveragedWeights averaged(&ema);
    EXPECT_EQ(first(net.weight), 2);
    EXPECT_EQ(first(net.named_parameters()["weight"]), 2);
    EXPECT_EQ(first(net.norm->running_mean), 20);
    EXPECT_TRUE(net.weight.requires_grad());
  }
  EXPECT_EQ(first(net.weight), 3);
  EXPECT_EQ(first(net.norm->running_mean), 30);
  EXPECT_EQ(net.weight.data_ptr(), memory);
  EXPECT_TRUE(net.weight.grad().defined());
  net.set(4);
  ema.update();
  EXPECT_EQ(first(ema.state().at("ema.weight")), 3);
}

TEST(Ema, GoesOnExactlyFromItsState) {
  NetImpl net;
  Ema ema(net, 0.7);
  net.set(0.3);
  ema.update();
  std::map<std::string, at::Tensor> saved;
  for (const auto& [name, tensor] : ema.state()) saved[name] = tensor.clone();
  Ema other(net, 0.7);
  other.load_state(saved);
  for (const double value : {0.1, 0.9}) {
    net.set(value);
    ema.update();
    other.update();
  }
  EXPECT_TRUE(at::equal(ema.state().at("ema.weight"), other.state().at("ema.weight")));
  saved.erase("ema.norm.running_var");
  EXPECT_THAT([&] { other.load_state(saved); },
              ThrowsMessage<core::Error>(HasSubstr("\"ema.norm.running_var\"")));
  other.load_state({{"exp_avg.weight", torch::zeros({2})}});  // saved before the first step
  EXPECT_TRUE(other.empty());
}

}  // namespace
}  // namespace pcnet::engine
