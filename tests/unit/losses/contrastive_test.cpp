#include "pcnet/losses/contrastive.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/gradients.h"
#include "support/naive.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;

at::Tensor scores_like(std::int64_t pictures, std::int64_t texts) {
  torch::manual_seed(5);
  return torch::randn({pictures, texts}, torch::kDouble) * 2;
}

TEST(LogSumExpScores, AreThoseOfTheNaiveLoop) {
  torch::manual_seed(4);
  const at::Tensor logits = torch::randn({2, 3, 4, 5}, torch::kDouble) * 3;
  EXPECT_TRUE(at::allclose(log_sum_exp_scores(logits), naive::log_sum_exp(logits), 1e-12, 1e-12));
}

TEST(LogSumExpScores, HaveTheirHandValueAndDoNotOverflow) {
  const at::Tensor zero = log_sum_exp_scores(torch::zeros({1, 1, 3, 4}));
  EXPECT_NEAR(zero.item<double>(), std::log(12.0), 1e-6);
  const at::Tensor large = log_sum_exp_scores(torch::full({1, 1, 2, 1}, 500.0));
  EXPECT_NEAR(large.item<double>(), 500 + std::log(2.0), 1e-3);
}

TEST(LogSumExpScores, AreTakenInFloatForBfloat16) {
  torch::manual_seed(6);
  const at::Tensor logits = (torch::randn({2, 3, 4, 5}) * 3).to(torch::kBFloat16);
  const at::Tensor scores = log_sum_exp_scores(logits);
  EXPECT_TRUE(at::equal(scores, log_sum_exp_scores(logits.to(torch::kFloat))));
}

TEST(ContrastiveLoss, IsThatOfTheNaiveLoop) {
  const at::Tensor index = torch::tensor({{0, 3, 1}, {2, 4, 1}, {5, 0, 6}}, torch::kInt64);
  const at::Tensor scores = scores_like(3, 7);
  EXPECT_NEAR(contrastive_loss(scores, index).item<double>(), naive::contrastive(scores, index),
              1e-12);
}

TEST(ContrastiveLoss, IsTheLogarithmOfTheBatchForEqualScores) {
  for (const std::int64_t pictures : {1, 2, 8}) {
    const at::Tensor scores = torch::full({pictures, pictures}, 3.5, torch::kDouble);
    const at::Tensor index = torch::arange(pictures, torch::kInt64).view({-1, 1});
    EXPECT_NEAR(contrastive_loss(scores, index).item<double>(),
                std::log(static_cast<double>(pictures)), 1e-12);
  }
}

TEST(ContrastiveLoss, IsNearZeroForSeparatedTextsAndLargeForSwappedOnes) {
  const at::Tensor scores = torch::eye(2, torch::kDouble) * 40;
  const at::Tensor right = torch::tensor({{0}, {1}}, torch::kInt64);
  EXPECT_NEAR(contrastive_loss(scores, right).item<double>(), 0, 1e-12);
  EXPECT_NEAR(contrastive_loss(scores, right.flip(0)).item<double>(), 40, 1e-9);
}

TEST(ContrastiveLoss, HasTheGradientOfCentralDifferences) {
  const at::Tensor index = torch::tensor({{0, 3}, {2, 1}, {4, 3}}, torch::kInt64);
  const auto loss = [&](const at::Tensor& x) { return contrastive_loss(x, index); };
  EXPECT_LT(support::largest_gradient_fault(loss, scores_like(3, 5)), 1e-8);
}

TEST(ContrastiveLoss, TakesOneTextForAllPictures) {
  const at::Tensor index = torch::zeros({3, 1}, torch::kInt64);
  const at::Tensor scores = scores_like(3, 1);
  EXPECT_NEAR(contrastive_loss(scores, index).item<double>(), naive::contrastive(scores, index),
              1e-12);
}

TEST(MirroredLoss, HasItsHandValue) {
  const at::Tensor scores = torch::tensor({{1.0, 3.0, 0.5}, {2.0, 0.0, 2.0}}, torch::kDouble);
  const at::Tensor text = torch::tensor({{0, 1}, {2, 1}}, torch::kInt64);
  // Picture 0: text 0 (score 1) against text 2 (0.5); picture 1: text 2 (2) against text 0 (2).
  const at::Tensor mirrored = torch::tensor({{2, -1}, {0, -1}}, torch::kInt64);
  const double by_hand = (std::log(1 + std::exp(-0.5)) + std::log(2.0)) / 2;
  EXPECT_NEAR(mirrored_loss(scores, text, mirrored).item<double>(), by_hand, 1e-12);
}

TEST(MirroredLoss, IsZeroWithoutMirroredTexts) {
  const at::Tensor scores = scores_like(2, 3).requires_grad_();
  const at::Tensor text = torch::tensor({{0, 1}, {2, 1}}, torch::kInt64);
  const at::Tensor loss = mirrored_loss(scores, text, torch::full_like(text, -1));
  EXPECT_EQ(loss.item<double>(), 0);
  loss.backward();
  EXPECT_EQ(scores.grad().abs().max().item<double>(), 0);
}

TEST(MirroredLoss, HasTheGradientOfCentralDifferences) {
  const at::Tensor text = torch::tensor({{0, 3}, {2, 1}, {4, 3}}, torch::kInt64);
  const at::Tensor mirrored = torch::tensor({{1, -1}, {4, 0}, {-1, 2}}, torch::kInt64);
  const auto loss = [&](const at::Tensor& x) { return mirrored_loss(x, text, mirrored); };
  EXPECT_LT(support::largest_gradient_fault(loss, scores_like(3, 5)), 1e-8);
}

}  // namespace
}  // namespace pcnet::losses
