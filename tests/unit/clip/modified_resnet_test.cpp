#include "pcnet/clip/modified_resnet.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/naive.h"
#include "support/tiny.h"

namespace pcnet::clip {
namespace {

namespace naive = support::naive;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

naive::Weights weights_of(const torch::nn::Module& module) {
  naive::Weights weights;
  for (const auto& item : module.named_parameters()) weights[item.key()] = item.value();
  return weights;
}

/// Values of their own for all parameters, so that none is 0 or 1 by its initialisation.
void shake(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.add_(torch::randn_like(parameter) * 0.1);
}

ModifiedResNet tiny_network() {
  torch::manual_seed(1);
  ModifiedResNet network(support::tiny_clip().visual);
  shake(*network);
  return network;
}

TEST(AttentionPool, IsTheNaiveLoop) {
  torch::manual_seed(2);
  AttentionPool pool(/*grid=*/3, /*channels=*/8, /*heads=*/2, /*output_dim=*/5);
  shake(*pool);
  const at::Tensor grid = torch::randn({2, 8, 3, 3});
  const at::Tensor wanted = naive::attention_pool(grid, weights_of(*pool), 2);
  EXPECT_TRUE(at::allclose(pool(grid).to(torch::kDouble), wanted, 1e-4, 1e-5));
}

TEST(AttentionPool, ResizesItsPositionsForAnotherGrid) {
  torch::manual_seed(3);
  AttentionPool pool(/*grid=*/2, /*channels=*/4, /*heads=*/2, /*output_dim=*/3);
  shake(*pool);
  naive::Weights weights = weights_of(*pool);
  const at::Tensor positions = weights.at("positional_embedding").detach();
  std::vector<at::Tensor> rows = {positions.slice(0, 0, 1).to(torch::kDouble)};
  std::vector<at::Tensor> channels;
  for (std::int64_t c = 0; c < 4; ++c) {
    const at::Tensor cells = positions.slice(0, 1).select(1, c).view({2, 2});
    channels.push_back(naive::bilinear(cells, 3, 4, false).flatten());
  }
  rows.push_back(at::stack(channels, 1));
  weights["positional_embedding"] = at::cat(rows);
  const at::Tensor grid = torch::randn({2, 4, 3, 4});
  const at::Tensor wanted = naive::attention_pool(grid, weights, 2);
  EXPECT_TRUE(at::allclose(pool(grid).to(torch::kDouble), wanted, 1e-4, 1e-5));
}

TEST(Bottleneck, IsItsShortcutAtFirst) {
  torch::manual_seed(4);
  ModifiedResNet network(support::tiny_clip().visual);
  for (const auto& item : network->named_parameters()) {
    const bool branch = item.key().starts_with("layer") && item.key().ends_with("bn3.weight");
    EXPECT_EQ(branch, item->abs().max().item<float>() == 0 && item.key().ends_with(".weight"))
        << item.key();
  }
}

TEST(Bottleneck, HalvesTheGridOnBothPathsByAveraging) {
  torch::manual_seed(5);
  Bottleneck block(4, 2, 2);
  block->eval();
  const torch::NoGradGuard no_grad;
  // Without its branch the block is norm(conv(mean of 2 x 2)) of the input, cut at zero.
  block->named_parameters()["bn3.weight"].zero_();
  const at::Tensor x = torch::randn({1, 4, 4, 4});
  const at::Tensor out = block(x);
  ASSERT_EQ(out.sizes(), (at::IntArrayRef{1, 8, 2, 2}));
  const at::Tensor kernel = block->named_parameters()["downsample.0.weight"].view({8, 4});
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t column = 0; column < 2; ++column) {
      const at::Tensor cell = x[0].slice(1, 2 * row, 2 * row + 2)
                                  .slice(2, 2 * column, 2 * column + 2)
                                  .mean(at::IntArrayRef{1, 2});
      const at::Tensor wanted = kernel.matmul(cell).div(std::sqrt(1 + 1e-5)).relu();
      EXPECT_TRUE(at::allclose(out[0].select(1, row).select(1, column), wanted, 1e-4, 1e-6));
    }
  }
}

struct TrainedBlock {
  at::Tensor output;
  at::Tensor gradient;    // of the input
  at::Tensor parameters;  // all their gradients in one row
};

TrainedBlock trained(std::int64_t stride, const at::Tensor& x, at::ScalarType type,
                     at::MemoryFormat format) {
  torch::manual_seed(6);
  Bottleneck block(16, 4, stride);
  shake(*block);
  block->to(type);
  block->train();
  const at::Tensor input = x.to(type).clone(format).set_requires_grad(true);
  for (auto& parameter : block->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.data().contiguous(format));
  }
  const at::Tensor output = block(input);
  (output * output.detach().cos()).sum().backward();
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : block->parameters()) {
    gradients.push_back(parameter.grad().flatten().to(torch::kDouble));
  }
  return {output.detach().to(torch::kDouble), input.grad().to(torch::kDouble), at::cat(gradients)};
}

double share_of(const at::Tensor& got, const at::Tensor& wanted) {
  return ((got - wanted).norm() / wanted.norm()).item<double>();
}

/// Batch norm sums over 14,400 numbers a channel here; in float32 that was 2.4e-5 of a loss and 2 %
/// of the encoder's gradient in channels-last memory
/// (docs/method.md#agreement-with-the-authors-training-step).
TEST(Bottleneck, TrainsInChannelsLastMemoryAsExactlyAsInTheDefaultFormat) {
  for (const std::int64_t stride : {1, 2}) {
    torch::manual_seed(7);
    const at::Tensor x = torch::randn({9, 16, 40, 40}, torch::kDouble) + 3;
    const auto exact = trained(stride, x, torch::kDouble, at::MemoryFormat::Contiguous);
    const auto plain = trained(stride, x, torch::kFloat, at::MemoryFormat::Contiguous);
    const auto last = trained(stride, x, torch::kFloat, at::MemoryFormat::ChannelsLast);
    const auto expect_near = [](const at::Tensor& of_last, const at::Tensor& of_plain,
                                const at::Tensor& wanted) {
      EXPECT_LT(share_of(of_last, wanted), 4 * share_of(of_plain, wanted) + 1e-7);
      EXPECT_LT(share_of(of_last, wanted), 1e-5);
    };
    expect_near(last.output, plain.output, exact.output);
    expect_near(last.gradient, plain.gradient, exact.gradient);
    expect_near(last.parameters, plain.parameters, exact.parameters);
  }
}

TEST(ModifiedResNet, GivesTheFeatureOfEveryLayerByName) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet network = tiny_network();
  network->eval();
  const at::Tensor images = torch::randn({2, 3, 32, 32});
  const auto features = network->features(images);
  ASSERT_EQ(features.size(), 4U);
  EXPECT_EQ(features.at("stem").sizes(), (at::IntArrayRef{2, 8, 8, 8}));
  EXPECT_EQ(features.at("layer1").sizes(), (at::IntArrayRef{2, 32, 8, 8}));
  EXPECT_EQ(features.at("layer2").sizes(), (at::IntArrayRef{2, 64, 4, 4}));
  EXPECT_EQ(features.at("layer3").sizes(), (at::IntArrayRef{2, 128, 2, 2}));
  EXPECT_TRUE(at::equal(features.at("layer3"), network(images)));
}

TEST(ModifiedResNet, KeepsTheFeaturesOfEarlierLayersUntouched) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet network = tiny_network();
  network->eval();
  const at::Tensor images = torch::randn({1, 3, 32, 32});
  const auto features = network->features(images);
  ModifiedResNet shallow(
      config::VisualOptions{.layers = {1}, .strides = {1}, .width = 8, .attention_pool = false});
  const auto from = network->named_parameters();
  for (auto& item : shallow->named_parameters()) item->copy_(from[item.key()]);
  shallow->eval();
  EXPECT_TRUE(at::allclose(features.at("layer1"), shallow(images)));
}

TEST(ModifiedResNet, AnswersABatchAsItsPicturesOneByOne) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet network = tiny_network();
  network->eval();
  const at::Tensor images = torch::randn({3, 3, 32, 32});
  const at::Tensor batched = network->pool(network(images));
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor alone = network->pool(network(images.slice(0, i, i + 1)));
    EXPECT_TRUE(at::allclose(batched[i], alone[0], 1e-4, 1e-5)) << i;
  }
}

TEST(ModifiedResNet, TakesPicturesThatAreNotSquareOrNoMultipleOfItsStride) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet network = tiny_network();
  EXPECT_EQ(network->stride(), 16);
  const at::Tensor grid = network(torch::randn({2, 3, 47, 70}));
  EXPECT_EQ(grid.sizes(), (at::IntArrayRef{2, 128, 3, 4}));
  EXPECT_EQ(network->pool(grid).sizes(), (at::IntArrayRef{2, 12}));
}

TEST(ModifiedResNet, ItsOptionsKnowTheGridOfASquarePicture) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet network = tiny_network();
  network->eval();
  for (const std::int64_t pixels : {16, 30, 31, 32, 33, 47, 48, 63, 64, 65}) {
    EXPECT_EQ(network(torch::randn({1, 3, pixels, pixels})).size(3),
              network->options.grid_side(pixels))
        << pixels;
  }
  EXPECT_EQ(config::VisualOptions().grid_side(320), 10);
}

TEST(ModifiedResNet, RefusesPicturesItCannotTake) {
  ModifiedResNet network = tiny_network();
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{
           {2, 3, 15, 64}, {2, 3, 64, 15}, {2, 1, 32, 32}, {3, 32, 32}}) {
    EXPECT_THAT([&] { network(torch::zeros(shape)); },
                ThrowsMessage<core::Error>(HasSubstr("at least 16 px")));
  }
}

TEST(ModifiedResNet, RefusesUnfittingOptions) {
  const auto with = [](auto change) {
    config::VisualOptions options = support::tiny_clip().visual;
    change(options);
    return ModifiedResNet(options);
  };
  EXPECT_THROW(with([](auto& o) { o.layers.clear(); }), core::ConfigError);
  EXPECT_THROW(with([](auto& o) { o.strides = {1, 2}; }), core::ConfigError);
  EXPECT_THAT([&] { with([](auto& o) { o.heads = 5; }); },
              ThrowsMessage<core::ConfigError>(HasSubstr("must divide 128")));
  EXPECT_THAT([&] { with([](auto& o) { o.resolution = 40; }); },
              ThrowsMessage<core::ConfigError>(HasSubstr("multiple of 16")));
}

/// Statistics of their own, as after a training.
void move_statistics(ModifiedResNetImpl& network) {
  const torch::NoGradGuard no_grad;
  network.train();
  for (int i = 0; i < 3; ++i) network.forward(torch::randn({4, 3, 32, 32}) * (i + 1));
  network.eval();
}

/// Their difference, relative to the greatest value.
double apart(const at::Tensor& got, const at::Tensor& wanted) {
  return (got - wanted).abs().max().item<double>() / wanted.abs().max().item<double>();
}

TEST(ModifiedResNet, GivesTheSameFeaturesWithFoldedNorms) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet network = tiny_network();
  move_statistics(*network);
  for (const std::int64_t side : {32, 47, 64}) {
    const at::Tensor images = torch::randn({2, 3, side, side});
    network->set_folded(false);
    const auto wanted = network->features(images);
    network->set_folded(true);
    const auto got = network->features(images);
    ASSERT_EQ(got.size(), wanted.size());
    for (const auto& [name, feature] : wanted) {
      EXPECT_LT(apart(got.at(name), feature), 1e-5) << name << " at " << side;
    }
    EXPECT_FALSE(at::equal(got.at("layer3"), wanted.at("layer3"))) << "nothing was folded";
  }
}

TEST(ModifiedResNet, FoldsItsNormsAnewAfterTraining) {
  ModifiedResNet network = tiny_network();
  network->set_folded(true);
  const at::Tensor images = torch::randn({2, 3, 32, 32});
  const auto answer = [&](bool folded) {
    const torch::NoGradGuard no_grad;
    network->eval();
    network->set_folded(folded);
    return network->forward(images);
  };
  torch::optim::SGD optimizer(network->parameters(), /*lr=*/0.01);
  for (int step = 0; step < 3; ++step) {
    const at::Tensor before = answer(/*folded=*/true);
    network->train();
    network->forward(images).square().mean().backward();
    optimizer.step();
    const at::Tensor after = answer(/*folded=*/true);
    EXPECT_GT(apart(after, before), 1e-3) << step;
    EXPECT_LT(apart(after, answer(/*folded=*/false)), 1e-5) << step;
  }
}

TEST(ModifiedResNet, FoldsNoNormsInTrainingOrForGradients) {
  ModifiedResNet network = tiny_network();
  move_statistics(*network);
  const at::Tensor images = torch::randn({2, 3, 32, 32});
  const auto both = [&](auto compute) {
    network->set_folded(false);
    const at::Tensor plain = compute();
    network->set_folded(true);
    return at::equal(plain, compute());
  };
  for (const bool recompute : {false, true}) {
    network->set_recompute(recompute);
    EXPECT_TRUE(both([&] { return network->forward(images); })) << "gradients";
    EXPECT_TRUE(both([&] {
      network->zero_grad();
      network->forward(images).square().mean().backward();
      return network->named_parameters()["conv1.weight"].grad().clone();
    }));
  }
  network->train();
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(both([&] { return network->forward(images); })) << "training";
  network->eval();
  EXPECT_FALSE(both([&] { return network->forward(images); }));
}

TEST(ModifiedResNet, HasNoPoolWhenItIsSwitchedOff) {
  config::VisualOptions options = support::tiny_clip().visual;
  options.attention_pool = false;
  options.heads = 5;  // does not matter then
  ModifiedResNet network(options);
  for (const auto& item : network->named_parameters()) {
    EXPECT_FALSE(item.key().starts_with("attnpool")) << item.key();
  }
  EXPECT_THROW(network->pool(torch::zeros({1, 128, 2, 2})), core::Error);
}

}  // namespace
}  // namespace pcnet::clip
