#include "pcnet/core/norm_relu.h"

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "pcnet/core/batch_share.h"
#include "pcnet/core/team.h"

#include "support/thread_team.h"

namespace pcnet::core {
namespace {

namespace nn = torch::nn;

using Answer = std::function<at::Tensor(BatchNorm2dImpl&, const at::Tensor&, const at::Tensor&)>;

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

struct Case {
  const char* name;
  Answer ours, by_hand;
};

/// The formula in double; the module's own norm is not asked.
at::Tensor norm_by_hand(const BatchNorm2dImpl& norm, const at::Tensor& x) {
  const at::Tensor mean = x.mean({0, 2, 3}, /*keepdim=*/true);
  const at::Tensor variance = (x - mean).square().mean({0, 2, 3}, /*keepdim=*/true);
  return (x - mean) / (variance + norm.options.eps()).sqrt() * norm.weight.view({1, -1, 1, 1}) +
         norm.bias.view({1, -1, 1, 1});
}

std::vector<Case> cases() {
  return {
      {"plain", [](auto& norm, auto& x, auto&) { return normed(norm, x); },
       [](auto& norm, auto& x, auto&) { return norm_by_hand(norm, x); }},
      {"relu", [](auto& norm, auto& x, auto&) { return normed_relu(norm, x); },
       [](auto& norm, auto& x, auto&) { return norm_by_hand(norm, x).relu(); }},
      {"add, relu",
       [](auto& norm, auto& x, auto& other) { return normed_add_relu(norm, x, other); },
       [](auto& norm, auto& x, auto& other) { return (norm_by_hand(norm, x) + other).relu(); }}};
}

BatchNorm2d norm_of(std::int64_t channels, at::ScalarType type) {
  torch::manual_seed(1);
  BatchNorm2d norm(channels);
  {
    const torch::NoGradGuard no_grad;
    norm->weight.uniform_(-1, 2);
    norm->bias.normal_();
    norm->running_mean.normal_();
  }
  norm->to(type);
  return norm;
}

struct Found {
  at::Tensor y, x, other, weight, bias;  // but for y gradients
  at::Tensor mean, variance;             // running
};

Found run(const Answer& answer, BatchNorm2d norm, const at::Tensor& x, const at::Tensor& other,
          const at::Tensor& direction) {
  const at::Tensor from = x.detach().clone(kLast).requires_grad_();
  const at::Tensor added = other.detach().clone(kLast).requires_grad_();
  const at::Tensor y = answer(*norm, from, added);
  y.backward(direction.to(y.scalar_type()));
  return {y.detach(),        from.grad(),        added.grad(),     norm->weight.grad(),
          norm->bias.grad(), norm->running_mean, norm->running_var};
}

void expect_near(const at::Tensor& got, const at::Tensor& wanted, double share) {
  ASSERT_EQ(got.defined(), wanted.defined());
  if (!got.defined()) return;
  const double most = wanted.abs().max().item<double>();
  EXPECT_LT((got.to(torch::kDouble) - wanted).abs().max().item<double>(), share * (most + 1e-30));
}

void expect_as_by_hand(at::IntArrayRef shape, at::ScalarType type, double offset, double share) {
  for (const Case& kind : cases()) {
    SCOPED_TRACE(kind.name);
    const std::int64_t channels = shape[1];
    const BatchNorm2d norm = norm_of(channels, torch::kFloat);
    const BatchNorm2d exact = norm_of(channels, torch::kDouble);
    const at::Tensor x = (torch::randn(shape) * 2 + offset).to(type);
    const at::Tensor other = torch::randn(shape).to(type);
    const at::Tensor direction = torch::randn(shape).to(type);
    const Found got = run(kind.ours, norm, x, other, direction);
    const Found wanted =
        run(kind.by_hand, exact, x.to(torch::kDouble), other.to(torch::kDouble), direction);
    EXPECT_EQ(got.y.scalar_type(), type);
    EXPECT_TRUE(got.y.is_contiguous(kLast));
    expect_near(got.y, wanted.y, share);
    expect_near(got.x, wanted.x, share);
    expect_near(got.other, wanted.other, share);
    expect_near(got.weight, wanted.weight, share);
    expect_near(got.bias, wanted.bias, share);
    const at::Tensor all = x.to(torch::kDouble);
    expect_near(got.mean, 0.9 * exact->running_mean + 0.1 * all.mean({0, 2, 3}), 1e-6);
    expect_near(got.variance, 0.9 * torch::ones({channels}) + 0.1 * all.var({0, 2, 3}), 1e-6);
    EXPECT_EQ(norm->num_batches_tracked.item<std::int64_t>(), 1);
  }
}

TEST(NormRelu, IsTheFormulaWithItsGradients) {
  expect_as_by_hand({2, 3, 5, 7}, torch::kFloat, /*offset=*/0, 2e-6);
  expect_as_by_hand({3, 64, 40, 31}, torch::kFloat, /*offset=*/1, 2e-6);
  expect_as_by_hand({1, 2050, 3, 3}, torch::kFloat, /*offset=*/0, 2e-6);
  expect_as_by_hand({4, 1, 2, 1}, torch::kFloat, /*offset=*/0, 2e-6);
}

TEST(NormRelu, IsThatOfTheWholeBatchForProcessesThatShareIt) {
  for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kDouble}) {
    for (const Case& kind : cases()) {
      SCOPED_TRACE(kind.name);
      const double share = type == torch::kBFloat16 ? 8e-3 : 2e-6;
      const at::ScalarType wide = type == torch::kDouble ? torch::kDouble : torch::kFloat;
      const at::Tensor x = (torch::randn({5, 6, 9, 7}) * 2 + 1).to(type);
      const at::Tensor other = torch::randn({5, 6, 9, 7}).to(type);
      const at::Tensor direction = torch::randn({5, 6, 9, 7}).to(type);
      const Found whole = run(kind.ours, norm_of(6, wide), x, other, direction);
      std::vector<Found> parts(2);
      std::vector<BatchNorm2d> norms = {norm_of(6, wide), norm_of(6, wide)};
      support::as_team(2, [&](const std::shared_ptr<Communicator>& team) {
        const auto rank = static_cast<std::size_t>(team->rank());
        const BatchShare own(team, {2, 3});
        norms[rank]->team = team;
        parts[rank] = run(kind.ours, norms[rank], own.of(x), own.of(other), own.of(direction));
      });
      expect_near(at::cat({parts[0].y, parts[1].y}), whole.y, share);
      expect_near(at::cat({parts[0].x, parts[1].x}), whole.x, share);
      expect_near(parts[0].weight + parts[1].weight, whole.weight, share);
      expect_near(parts[0].bias + parts[1].bias, whole.bias, share);
      for (const Found& part : parts) {
        expect_near(part.mean, whole.mean, 1e-6);
        expect_near(part.variance, whole.variance, 1e-6);
      }
    }
  }
}

TEST(NormRelu, KeepsItsDigitsFarFromZero) {
  expect_as_by_hand({4, 16, 80, 80}, torch::kFloat, /*offset=*/1000, 2e-4);  // x has four digits
}

TEST(NormRelu, SumsInDoubleWhateverIsSummed) {
  // 2^25 + 1 ones in a row are 2^25 in float.
  BatchNorm2d norm(1);
  const at::Tensor x = torch::ones({1, 1, 8192, 4096 + 1});
  x.flatten()[0] = 0;
  (void)normed(*norm, x);
  const auto count = static_cast<double>(x.numel());
  EXPECT_NEAR(norm->running_mean.item<double>() * 10, (count - 1) / count, 1e-7);
}

TEST(NormRelu, TakesBfloat16) {
  expect_as_by_hand({2, 8, 9, 11}, torch::kBFloat16, /*offset=*/0, 8e-3);
  expect_as_by_hand({1, 1030, 6, 6}, torch::kBFloat16, /*offset=*/0, 8e-3);
}

TEST(NormRelu, AnswersAlikeOnAnyNumberOfThreads) {
  const at::Tensor x = torch::randn({2, 48, 70, 70});
  const at::Tensor direction = torch::randn({2, 48, 70, 70});
  const int before = at::get_num_threads();
  std::vector<Found> found;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    found.push_back(run(cases()[2].ours, norm_of(48, torch::kFloat), x, x.flip(0), direction));
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(found[0].y, found[1].y));
  EXPECT_TRUE(at::equal(found[0].x, found[1].x));
  EXPECT_TRUE(at::equal(found[0].weight, found[1].weight));
  EXPECT_TRUE(at::equal(found[0].mean, found[1].mean));
}

TEST(NormRelu, KeepsWhatIsNotANumber) {
  for (const Case& kind : cases()) {
    const BatchNorm2d norm = norm_of(2, torch::kFloat);
    at::Tensor x = torch::randn({1, 2, 4, 4}).contiguous(kLast);
    x[0][1][2][2] = std::numeric_limits<float>::quiet_NaN();
    const Found found = run(kind.ours, norm, x, torch::zeros_like(x), torch::ones_like(x));
    EXPECT_TRUE(found.y.select(1, 0).isfinite().all().item<bool>()) << kind.name;
    EXPECT_TRUE(found.y.select(1, 1).isnan().all().item<bool>()) << kind.name;
    EXPECT_TRUE(found.x.select(1, 1).isnan().all().item<bool>()) << kind.name;
  }
}

TEST(NormRelu, MovesTheRunningStatisticsByTheMeanOfAllBatchesWithoutMomentum) {
  BatchNorm2d norm(torch::nn::BatchNorm2dOptions(2).momentum(std::nullopt));
  const at::Tensor first = torch::randn({1, 2, 3, 3}).contiguous(kLast);
  const at::Tensor second = torch::randn({1, 2, 3, 3}).contiguous(kLast);
  (void)normed_relu(*norm, first);
  (void)normed_relu(*norm, second);
  const at::Tensor wanted = (first.mean({0, 2, 3}) + second.mean({0, 2, 3})) / 2;
  EXPECT_TRUE(at::allclose(norm->running_mean, wanted, 0, 1e-6));
}

TEST(NormRelu, IsTheModuleInEvaluationAndInOtherFormats) {
  BatchNorm2d norm = norm_of(3, torch::kFloat);
  norm->eval();
  const at::Tensor x = torch::randn({2, 3, 4, 5});
  const at::Tensor other = torch::randn({2, 3, 4, 5});
  EXPECT_TRUE(at::equal(normed_add_relu(*norm, x, other), (norm(x) + other).relu()));
  norm->train();
  EXPECT_TRUE(at::equal(normed_relu(*norm, x), norm(x).relu()));
}

TEST(Team, CoversEveryNumberOnce) {
  for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
    std::vector<int> seen(static_cast<std::size_t>(count));
    on_team(count, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    EXPECT_EQ(seen, std::vector<int>(static_cast<std::size_t>(count), 1));
  }
}

}  // namespace
}  // namespace pcnet::core
