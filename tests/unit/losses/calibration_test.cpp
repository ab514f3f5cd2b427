#include "pcnet/losses/calibration.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/gradients.h"
#include "support/loss_inputs.h"
#include "support/naive.h"
#include "support/naive_losses.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::CalibrationOptions;

at::Tensor row(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }

TEST(Calibration, IsOffByDefault) {
  const Options options;
  EXPECT_EQ(options.weight, 0);
  EXPECT_EQ(options.own, 1);
  EXPECT_EQ(options.negatives, 1);
  EXPECT_EQ(options.stages.word(), "last");
  EXPECT_EQ(options.image_size, 224);
  EXPECT_EQ(options.mask.word(), "response");
}

TEST(Calibration, IsThatOfTheNaiveLoop) {
  CalibrationScores scores = support::random_calibration(41);
  for (const double negatives : {0.0, 0.5, 1.0}) {
    const Options options{.negatives = negatives};
    EXPECT_NEAR(calibration_loss(scores, options).item<double>(),
                naive::calibration(scores, options), 1e-12);
  }
  scores.has_negative.reset();
  EXPECT_NEAR(calibration_loss(scores, {}).item<double>(), naive::calibration(scores, {}), 1e-12);
  scores.negative.reset();
  EXPECT_NEAR(calibration_loss(scores, {}).item<double>(), naive::calibration(scores, {}), 1e-12);
}

TEST(Calibration, HasItsHandValue) {
  const CalibrationScores scores{.own = row({0.6, 0.5}),
                                 .negative = row({0.8, 0.0, 0.3, 0.9}).view({2, 2}),
                                 .has_negative = torch::tensor({{true, true}, {true, false}})};
  const double own = -(std::log(0.6) + std::log(0.5)) / 2;
  const double other = -(std::log(0.2) + std::log(1.0) + std::log(0.7)) / 3;
  EXPECT_NEAR(calibration_loss(scores, {.negatives = 0.5}).item<double>(), own + 0.5 * other,
              1e-12);
}

TEST(Calibration, WeighsTheOwnTextAndTheOthersApart) {
  const CalibrationScores scores = support::random_calibration(47);
  const double own = calibration_loss(scores, {.negatives = 0}).item<double>();
  const double other = calibration_loss(scores, {.own = 0}).item<double>();
  EXPECT_NEAR(calibration_loss(scores, {.own = 1, .negatives = 2}).item<double>(), own + 2 * other,
              1e-12);  // TRIS
  const Options released{.own = 0, .negatives = 2};
  EXPECT_NEAR(calibration_loss(scores, released).item<double>(), 2 * other, 1e-12);
  EXPECT_NEAR(naive::calibration(scores, released), 2 * other, 1e-12);
}

TEST(Calibration, HoldsCosinesAwayFromTheEndsOfTheLogarithm) {
  const double end = -std::log(1e-4);
  EXPECT_NEAR(calibration_loss({.own = row({-1})}, {}).item<double>(), end, 1e-9);
  const CalibrationScores both{.own = row({1}), .negative = row({1}).view({1, 1})};
  EXPECT_NEAR(calibration_loss(both, {}).item<double>(), end, 1e-9);
}

TEST(Calibration, HasTheGradientOfCentralDifferences) {
  const CalibrationScores scores = support::random_calibration(42);
  const auto of_own = [&](const at::Tensor& own) {
    return calibration_loss({own, scores.negative, scores.has_negative}, {});
  };
  EXPECT_LT(support::largest_gradient_fault(of_own, scores.own), 1e-7);
  const auto of_negative = [&](const at::Tensor& negative) {
    return calibration_loss({scores.own, negative, scores.has_negative}, {.negatives = 0.5});
  };
  EXPECT_LT(support::largest_gradient_fault(of_negative, scores.negative), 1e-7);
}

TEST(Calibration, FallsWithTheOwnTextAndRisesWithTheOthers) {
  const auto loss = [](double own, double other) {
    return calibration_loss({.own = row({own}), .negative = row({other}).view({1, 1})}, {})
        .item<double>();
  };
  EXPECT_LT(loss(0.4, 0.2), loss(0.3, 0.2));
  EXPECT_LT(loss(0.4, 0.1), loss(0.4, 0.2));
}

TEST(Calibration, IsFiniteWithoutAnyNegativeThatCounts) {
  CalibrationScores scores = support::random_calibration(43);
  scores.has_negative.zero_();
  const double own = calibration_loss({scores.own}, {}).item<double>();
  EXPECT_EQ(calibration_loss(scores, {}).item<double>(), own);
}

TEST(Calibration, RefusesOtherShapes) {
  CalibrationScores scores = support::random_calibration(43);
  scores.has_negative = torch::ones({3, 3}, torch::kBool);
  EXPECT_THROW(calibration_loss(scores, {}), core::Error);
  scores = support::random_calibration(43);
  scores.negative = torch::ones({2, 2});
  EXPECT_THROW(calibration_loss(scores, {}), core::Error);
  scores.own = torch::ones({3, 1});
  EXPECT_THROW(calibration_loss(scores, {}), core::Error);
  EXPECT_THROW(calibration_loss({}, {}), core::Error);
}

TEST(CalibrationMask, IsTheResponseOverItsMaximum) {
  const at::Tensor logits = row({-1, 1, 2, 4}).view({1, 2, 2});
  const at::Tensor mask = calibration_mask(logits, {8, 8}, {});
  EXPECT_TRUE(at::allclose(mask.flatten(), row({0, 0.25, 0.5, 1}), 1e-4, 1e-5));
}

TEST(CalibrationMask, DoesNotChangeWithTheScaleOfTheMapNorDoesItsGradientMoveIt) {
  torch::manual_seed(46);
  const at::Tensor logits = torch::rand({1, 3, 3}, torch::kDouble) * 9 + 1;
  const at::Tensor weights = torch::rand({1, 3, 3}, torch::kDouble);
  const auto value = [&](const at::Tensor& x) {
    return (calibration_mask(x, {6, 6}, {}) * weights).sum();
  };
  EXPECT_NEAR(value(logits).item<double>(), value(logits * 7).item<double>(), 1e-4);
  const at::Tensor gradient = support::gradient_of(value, logits);
  EXPECT_NEAR((gradient * logits).sum().item<double>(), 0, 1e-4);
  EXPECT_GT(gradient.abs().max().item<double>(), 1e-3);
}

TEST(CalibrationMask, OfTrisIsTheSigmoidOfTheLogits) {
  const at::Tensor logits = row({-1000, 0, std::log(3.0), 1000}).view({1, 2, 2});
  const at::Tensor mask = calibration_mask(logits, {2, 2}, {.mask = "sigmoid"});
  EXPECT_TRUE(at::allclose(mask.flatten(), row({0, 0.5, 0.75, 1})));
}

TEST(CalibrationMask, OfTrisIsTakenAtTheSizeOfThePicture) {
  torch::manual_seed(48);
  const at::Tensor logits = torch::randn({2, 3, 4}, torch::kDouble) * 4;
  const at::Tensor mask = calibration_mask(logits, {9, 8}, {.mask = "sigmoid"});
  for (std::int64_t b = 0; b < 2; ++b) {
    const at::Tensor large = naive::bilinear(logits[b], 9, 8, /*align_corners=*/false);
    for (std::int64_t c = 0; c < large.numel(); ++c) {
      const double wanted = 1 / (1 + std::exp(-large.flatten()[c].item<double>()));
      EXPECT_NEAR(mask[b].flatten()[c].item<double>(), wanted, 1e-12);
    }
  }
}

TEST(MaskedPictures, KeepWhatTheMapHoldsAndBlackenTheRest) {
  torch::manual_seed(44);
  const at::Tensor pictures = torch::randn({2, 3, 6, 6});
  at::Tensor maps = torch::ones({2, 3, 3});
  maps[1].zero_();
  const at::Tensor masked = masked_pictures(pictures, maps);
  EXPECT_TRUE(at::allclose(masked[0], pictures[0], 1e-5, 1e-6));
  EXPECT_EQ(masked[1].abs().max().item<float>(), 0);
}

TEST(MaskedPictures, ResizeTheMapWithItsCornersAligned) {
  const at::Tensor maps = torch::tensor({{{0.0F, 1.0F}, {0.0F, 1.0F}}});
  const at::Tensor masked = masked_pictures(torch::ones({1, 3, 5, 5}), maps);
  EXPECT_EQ(masked.sizes(), (at::IntArrayRef{1, 3, 5, 5}));
  EXPECT_TRUE(at::allclose(masked[0][2][4], torch::tensor({0.0F, 0.25F, 0.5F, 0.75F, 1.0F})));
}

TEST(MaskedPictures, CarryAGradientToTheMap) {
  torch::manual_seed(45);
  const at::Tensor pictures = torch::randn({1, 3, 7, 7}, torch::kDouble);
  const auto sum = [&](const at::Tensor& x) { return masked_pictures(pictures, x).sum(); };
  EXPECT_LT(support::largest_gradient_fault(sum, torch::rand({1, 3, 3}, torch::kDouble)), 1e-7);
}

}  // namespace
}  // namespace pcnet::losses
