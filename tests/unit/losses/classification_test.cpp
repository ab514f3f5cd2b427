#include "pcnet/losses/classification.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/gradients.h"
#include "support/naive.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::ClassificationOptions;

Options only(bool mean, bool maximum, bool focal) {
  return {.mean_pooling = mean, .max_pooling = maximum, .focal_pooling = focal};
}

at::Tensor logits_like(std::int64_t pictures, std::int64_t texts) {
  torch::manual_seed(3);
  return torch::randn({pictures, texts, 3, 4}, torch::kDouble) * 2;
}

TEST(PooledScores, AreThoseOfTheNaiveLoopForEachTerm) {
  const at::Tensor logits = logits_like(3, 5);
  for (const int terms : {0, 1, 2, 3, 4, 5, 6, 7}) {
    const Options options = only((terms & 1) != 0, (terms & 2) != 0, (terms & 4) != 0);
    const at::Tensor wanted = naive::pooled_scores(logits, options);
    EXPECT_TRUE(at::allclose(pooled_scores(logits, options), wanted, 1e-10, 1e-12)) << terms;
  }
}

TEST(PooledScores, ChangeWithEachTermSwitchedOff) {
  const at::Tensor logits = logits_like(2, 2);
  const at::Tensor all = pooled_scores(logits, {});
  for (const Options& options :
       {only(false, true, true), only(true, false, true), only(true, true, false)}) {
    EXPECT_GT((pooled_scores(logits, options) - all).abs().min().item<double>(), 1e-4);
  }
}

TEST(PooledScores, HaveTheirHandValueForOneConstantMap) {
  // The softmax across the background (1) and the only text (1) is one half in every cell.
  const at::Tensor logits = torch::ones({1, 1, 2, 2}, torch::kDouble);
  const double focal = std::pow(0.5, 3) * std::log(0.51);
  EXPECT_NEAR(pooled_scores(logits, {}).item<double>(), 1 + 1 + focal, 1e-12);
}

TEST(ClassificationLoss, IsTheSoftMarginOfTheNaiveLoop) {
  const at::Tensor logits = logits_like(4, 4);
  const double wanted = naive::soft_margin(naive::pooled_scores(logits, {}));
  EXPECT_NEAR(classification_loss(logits, {}).item<double>(), wanted, 1e-10);
}

TEST(ClassificationLoss, HasItsHandValueForOnePicture) {
  const at::Tensor logits = torch::full({1, 1, 1, 2}, 0.25, torch::kDouble);
  const double wanted = std::log(1 + std::exp(-0.5));  // mean + max = 0.5, the target is 1
  EXPECT_NEAR(classification_loss(logits, only(true, true, false)).item<double>(), wanted, 1e-12);
}

TEST(ClassificationLoss, HasItsHandValueForTwoPictures) {
  // Own texts score 2, the others -1.
  at::Tensor logits = torch::full({2, 2, 1, 1}, -1.0, torch::kDouble);
  logits[0][0] = 2;
  logits[1][1] = 2;
  const double wanted = (std::log(1 + std::exp(-2.0)) + std::log(1 + std::exp(-1.0))) / 2;
  EXPECT_NEAR(classification_loss(logits, only(false, true, false)).item<double>(), wanted, 1e-12);
}

TEST(ClassificationLoss, HasTheGradientOfCentralDifferences) {
  for (const int terms : {1, 2, 4, 7}) {
    const Options options = only((terms & 1) != 0, (terms & 2) != 0, (terms & 4) != 0);
    const auto loss = [&](const at::Tensor& x) { return classification_loss(x, options); };
    EXPECT_LT(support::largest_gradient_fault(loss, logits_like(3, 3)), 1e-7) << terms;
  }
}

TEST(ClassificationLoss, CountsAnIdenticalTextOfAnotherPictureAsWrong) {
  // Both texts are the same, so each picture scores 1 on both: one right, one wrong a row.
  const at::Tensor logits = torch::ones({2, 2, 2, 2}, torch::kDouble);
  const double wanted = (std::log(1 + std::exp(-1.0)) + std::log(1 + std::exp(1.0))) / 2;
  EXPECT_NEAR(classification_loss(logits, only(true, false, false)).item<double>(), wanted, 1e-12);
}

TEST(ClassificationLoss, IsFiniteForZeroAndExtremeMaps) {
  for (const double value : {0.0, 100.0, -100.0}) {
    at::Tensor logits = torch::full({2, 2, 3, 3}, value).set_requires_grad(true);
    const at::Tensor loss = classification_loss(logits, {});
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>())) << value;
    EXPECT_TRUE(logits.grad().isfinite().all().item<bool>()) << value;
  }
}

TEST(ClassificationLoss, IsTakenInFloatForBfloat16) {
  const at::Tensor logits = logits_like(3, 3).to(torch::kBFloat16);
  const at::Tensor loss = classification_loss(logits, {});
  EXPECT_EQ(loss.item<float>(), classification_loss(logits.to(torch::kFloat), {}).item<float>());
}

TEST(ClassificationLoss, RefusesAnotherNumberOfTextsThanPictures) {
  EXPECT_THROW(classification_loss(torch::zeros({2, 3, 4, 4}), {}), core::Error);
  EXPECT_THROW(classification_loss(torch::zeros({2, 2, 4}), {}), core::Error);
}

}  // namespace
}  // namespace pcnet::losses
