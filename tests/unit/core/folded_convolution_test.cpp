#include "pcnet/core/folded_convolution.h"

#include <cstdint>
#include <functional>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::core {
namespace {

namespace nn = torch::nn;

struct Pair {
  nn::Conv2d convolution;
  nn::BatchNorm2d norm;

  at::Tensor apart(const at::Tensor& x) { return norm(convolution(x)); }
  FoldedConvolution folded() const { return {convolution, norm.ptr()}; }
};

/// In evaluation, with weights and statistics of all sizes.
Pair lively_pair(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  torch::manual_seed(1);
  Pair pair{
      nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false)),
      nn::BatchNorm2d(out)};
  const torch::NoGradGuard no_grad;
  pair.norm->weight.normal_(1, 0.5);
  pair.norm->bias.normal_();
  pair.norm->running_mean.normal_();
  pair.norm->running_var.uniform_(0.1, 3);
  pair.norm->eval();
  return pair;
}

testing::AssertionResult near(const at::Tensor& got, const at::Tensor& wanted) {
  const double apart = (got - wanted).abs().max().item<double>();
  const double most = wanted.abs().max().item<double>();
  if (apart <= 1e-5 * most) return testing::AssertionSuccess();
  return testing::AssertionFailure() << apart << " apart of " << most;
}

TEST(FoldedConvolution, ComputesInTheTypeOfItsInput) {
  const torch::NoGradGuard no_grad;
  Pair pair = lively_pair(16, 32, /*kernel=*/3, /*stride=*/1);
  FoldedConvolution folded = pair.folded();
  const at::Tensor x = torch::randn({2, 16, 12, 9}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor wanted = pair.apart(x);
  const at::Tensor exact = folded.relu(x);
  const at::Tensor low = folded.relu(x.to(torch::kBFloat16));
  EXPECT_EQ(low.scalar_type(), torch::kBFloat16);
  const double most = wanted.abs().max().item<double>();
  EXPECT_LT((low - wanted.relu()).abs().max().item<double>(), 0.02 * most);
  const at::Tensor added =
      folded.add_relu(x.to(torch::kBFloat16), torch::ones_like(wanted).to(torch::kBFloat16));
  EXPECT_LT((added - (wanted + 1).relu()).abs().max().item<double>(), 0.02 * most);
  EXPECT_TRUE(at::equal(folded.relu(x), exact));  // folded anew
}

TEST(FoldedConvolution, IsTheConvolutionAndTheNorm) {
  const torch::NoGradGuard no_grad;
  for (const std::int64_t kernel : {1, 3}) {
    for (const std::int64_t stride : {1, 2}) {
      Pair pair = lively_pair(16, 32, kernel, stride);
      FoldedConvolution folded = pair.folded();
      // One after the other through the same: the first size chooses the order of the weights.
      for (const std::vector<std::int64_t>& shape :
           std::vector<std::vector<std::int64_t>>{{2, 16, 12, 9}, {1, 16, 20, 20}}) {
        for (const auto order : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
          const at::Tensor x = torch::randn(shape).contiguous(order);
          const at::Tensor wanted = pair.apart(x);
          const at::Tensor other = torch::randn_like(wanted);
          const at::Tensor before = other.clone();
          EXPECT_TRUE(near(folded.plain(x), wanted));
          EXPECT_TRUE(near(folded.relu(x), wanted.relu()));
          EXPECT_TRUE(near(folded.add_relu(x, other), (wanted + other).relu()));
          EXPECT_TRUE(at::equal(other, before));
        }
      }
    }
  }
}

TEST(FoldedConvolution, IsTheSameInDoublePrecision) {
  const torch::NoGradGuard no_grad;
  Pair pair = lively_pair(3, 4, 3, 2);
  pair.convolution->to(torch::kDouble);
  pair.norm->to(torch::kDouble);
  FoldedConvolution folded = pair.folded();
  const at::Tensor x = torch::randn({2, 3, 7, 8}, torch::kDouble);
  const at::Tensor wanted = pair.apart(x);
  const at::Tensor other = torch::randn_like(wanted);
  EXPECT_TRUE(at::allclose(folded.plain(x), wanted, 0, 1e-12));
  EXPECT_TRUE(at::allclose(folded.relu(x), wanted.relu(), 0, 1e-12));
  EXPECT_TRUE(at::allclose(folded.add_relu(x, other), (wanted + other).relu(), 0, 1e-12));
}

TEST(FoldedConvolution, NoticesWhateverChanges) {
  const torch::NoGradGuard no_grad;
  Pair pair = lively_pair(8, 8, 3, 1);
  FoldedConvolution folded = pair.folded();
  const at::Tensor x = torch::randn({2, 8, 6, 6});
  at::Tensor last = folded.plain(x);
  const std::vector<std::function<void()>> changes = {
      [&] { pair.convolution->weight.add_(torch::randn_like(pair.convolution->weight)); },
      [&] { pair.norm->weight.mul_(2); },
      [&] { pair.norm->bias.add_(1); },
      [&] { pair.norm->running_mean.sub_(1); },
      [&] { pair.norm->running_var.mul_(3); },
      [&] {  // as the mean of the weights is exchanged for them
        pair.convolution->weight.set_data(torch::randn_like(pair.convolution->weight));
      },
      [&] { pair.norm->running_mean = torch::randn({8}); },
      [&] {
        pair.norm->train();
        (void)pair.apart(x);
        pair.norm->eval();
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i]();
    const at::Tensor now = folded.plain(x);
    EXPECT_FALSE(at::allclose(now, last)) << i;
    EXPECT_TRUE(near(now, pair.apart(x))) << i;
    last = now;
  }
  EXPECT_TRUE(at::equal(folded.plain(x), last));
  folded.forget();
  EXPECT_TRUE(at::equal(folded.plain(x), last));
}

TEST(Folded, ChangesNoBitForANormThatDoesNothing) {
  const at::Tensor weight = torch::randn({4, 3, 3, 3});
  const double epsilon = 1e-5;
  const auto both = folded(weight, {torch::ones({4}), torch::zeros({4}), torch::zeros({4}),
                                    torch::full({4}, 1 - epsilon), epsilon});
  EXPECT_TRUE(at::equal(both.weight, weight));
  EXPECT_TRUE(at::equal(both.bias, torch::zeros({4})));
}

}  // namespace
}  // namespace pcnet::core
