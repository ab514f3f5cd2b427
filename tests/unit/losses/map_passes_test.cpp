#include "src/losses/map_passes.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::losses::map_passes {
namespace {

/// LibTorch's operations, in double.
Pools by_operations(const at::Tensor& cells) {
  const at::Tensor background = at::ones({cells.size(0), 1, cells.size(2)}, cells.options());
  const at::Tensor softmax = at::cat({background, cells}, 1).softmax(1);
  return {cells.mean(2), cells.amax(2), softmax.slice(1, 1).mean(2)};
}

/// A sum of all pools, each with factors of its own.
template <class Pool>
at::Tensor weighted(const Pool& pool, const at::Tensor& cells) {
  const Pools found = pool(cells);
  const at::Tensor factor = at::arange(found.mean.numel(), cells.options()).view_as(found.mean);
  return (found.mean * factor.cos() + found.maximum * factor.sin() +
          found.share * (factor * 3 + 50).sin() * 20)
      .sum();
}

at::Tensor gradient(const at::Tensor& loss, const at::Tensor& of) {
  return torch::autograd::grad({loss}, {of}).front().to(at::kDouble);
}

class MapPasses : public ::testing::Test {
 protected:
  MapPasses() { torch::manual_seed(9); }
  static double apart(const at::Tensor& got, const at::Tensor& wanted) {
    return ((got - wanted).abs().max() / wanted.abs().max()).item<double>();
  }
};

TEST_F(MapPasses, PoolAsOperationsDo) {
  for (const std::int64_t cells : {1, 12, 16, 35, 144}) {
    const at::Tensor wide = (torch::randn({3, 7, cells}, torch::kDouble) * 8).requires_grad_();
    const at::Tensor narrow = wide.detach().to(at::kFloat).requires_grad_();
    for (const auto& [x, most] : {std::pair(wide, 1e-14), std::pair(narrow, 2e-6)}) {
      const Pools got = pools(x);
      const Pools wanted = by_operations(x.to(at::kDouble));
      EXPECT_LT(apart(got.mean, wanted.mean), most) << cells;
      EXPECT_LT(apart(got.maximum, wanted.maximum), most) << cells;
      EXPECT_LT(apart(got.share, wanted.share), most) << cells;
      EXPECT_LT(apart(gradient(weighted(pools, x), x),
                      gradient(weighted(by_operations, x.to(at::kDouble)), x)),
                most)
          << cells;
    }
  }
}

TEST_F(MapPasses, SumAsOperationsDo) {
  for (const std::int64_t cells : {1, 15, 32, 144}) {
    const at::Tensor wide = (torch::randn({2, 5, cells}, torch::kDouble) * 30).requires_grad_();
    const at::Tensor narrow = wide.detach().to(at::kFloat).requires_grad_();
    for (const auto& [x, most] : {std::pair(wide, 1e-14), std::pair(narrow, 2e-6)}) {
      const at::Tensor wanted = x.to(at::kDouble).logsumexp(2);
      EXPECT_LT(apart(log_sum_exp(x), wanted), most) << cells;
      const at::Tensor factor = at::arange(10, x.options()).view({2, 5}).cos();
      EXPECT_LT(
          apart(gradient((log_sum_exp(x) * factor).sum(), x), gradient((wanted * factor).sum(), x)),
          most * 3)
          << cells;
    }
  }
}

TEST_F(MapPasses, TakeTheMapsOfSomeTextsWhereTheyLie) {
  const at::Tensor all = torch::randn({3, 8, 20});
  const at::Tensor some = all.slice(1, 2, 5);
  ASSERT_FALSE(some.is_contiguous());
  ASSERT_TRUE(fit(some));
  const Pools wanted = by_operations(some.to(at::kDouble));
  EXPECT_LT(apart(pools(some).share, wanted.share), 1e-6);
  EXPECT_LT(apart(pools(some).maximum, wanted.maximum), 1e-6);
  EXPECT_LT(apart(log_sum_exp(some), some.to(at::kDouble).logsumexp(2)), 1e-6);
  const at::Tensor leaf = all.clone().requires_grad_();
  const auto loss = [&](const auto& pool) { return weighted(pool, leaf.slice(1, 2, 5)); };
  EXPECT_LT(apart(gradient(loss(pools), leaf), gradient(loss(by_operations), leaf)), 1e-5);
  EXPECT_FALSE(fit(all.transpose(1, 2)));
  EXPECT_FALSE(fit(all.slice(1, 0, 0)));
  EXPECT_FALSE(fit(all.to(at::kHalf)));
}

TEST_F(MapPasses, ShareTheGradientOfAMaximumThatSeveralCellsHave) {
  at::Tensor x = torch::zeros({1, 1, 40});
  x[0][0][3] = x[0][0][39] = 2;
  x.requires_grad_();
  const at::Tensor found = gradient(pools(x).maximum.sum(), x).flatten();
  EXPECT_EQ(found[3].item<double>(), 0.5);
  EXPECT_EQ(found[39].item<double>(), 0.5);
  EXPECT_EQ(found.sum().item<double>(), 1);
}

TEST_F(MapPasses, KeepWhatIsNotANumber) {
  for (const std::int64_t place : {0, 17, 39}) {
    at::Tensor x = torch::randn({1, 2, 40});
    x[0][1][place] = std::numeric_limits<float>::quiet_NaN();
    const Pools found = pools(x);
    for (const auto& pool : {found.mean, found.maximum, found.share, log_sum_exp(x)}) {
      EXPECT_TRUE(std::isnan(pool[0][1].item<float>())) << place;
    }
    EXPECT_FALSE(std::isnan(found.maximum[0][0].item<float>()));
  }
}

TEST_F(MapPasses, AreFiniteForWhatExponentialsAreNot) {
  for (const float most : {1e3F, 1e30F}) {
    const at::Tensor x = (torch::randn({2, 3, 24}).sign() * most).requires_grad_();
    EXPECT_LT(apart(pools(x).share, by_operations(x.to(at::kDouble)).share), 1e-6);
    EXPECT_TRUE(gradient(weighted(pools, x), x).isfinite().all().item<bool>());
    EXPECT_LT(apart(log_sum_exp(x), x.to(at::kDouble).logsumexp(2)), 1e-6);
  }
}

TEST_F(MapPasses, GiveNothingToCellsFarBelowOthers) {
  at::Tensor x = torch::zeros({1, 1, 20});
  x[0][0][4] = -88;
  x[0][0][19] = -1000;
  x.requires_grad_();
  const at::Tensor found = gradient(log_sum_exp(x).sum(), x).flatten();
  EXPECT_EQ(found[4].item<double>(), 0);
  EXPECT_EQ(found[19].item<double>(), 0);
  EXPECT_NEAR(found[0].item<double>(), 1.0 / 18, 1e-7);
}

TEST_F(MapPasses, HaveTheSameBitsOnAnyNumberOfThreads) {
  const at::Tensor x = torch::randn({9, 6, 144}).requires_grad_();
  const int before = at::get_num_threads();
  std::vector<at::Tensor> found;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    found.push_back(gradient(weighted(pools, x) + log_sum_exp(x).sum(), x));
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(found[0], found[1]));
}

}  // namespace
}  // namespace pcnet::losses::map_passes
