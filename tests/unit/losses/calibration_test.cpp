#include "pcnet/losses/calibration.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/gradients.h"
#include "support/loss_inputs.h"
#include "support/naive_losses.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::CalibrationOptions;

TEST(Calibration, IsOffByDefault) {
  const Options options;
  EXPECT_EQ(options.weight, 0);
  EXPECT_EQ(options.negatives, 1);
  EXPECT_EQ(options.image_size, 224);
}

TEST(Calibration, IsThatOfTheNaiveLoop) {
  CalibrationFeatures features = support::random_features(41);
  for (const double negatives : {0.0, 0.5, 1.0}) {
    const Options options{.negatives = negatives};
    EXPECT_NEAR(calibration_loss(features, options).item<double>(),
                naive::calibration(features, options), 1e-12);
  }
  features.has_negative.reset();
  EXPECT_NEAR(calibration_loss(features, {}).item<double>(), naive::calibration(features, {}),
              1e-12);
  features.negative.reset();
  EXPECT_NEAR(calibration_loss(features, {}).item<double>(), naive::calibration(features, {}),
              1e-12);
}

TEST(Calibration, HasItsHandValue) {
  // Cosines: 0.6 with the own text, 0.8 and 0 with the negatives.
  const CalibrationFeatures features{
      .image = torch::tensor({{2.0, 0.0}}, torch::kDouble),
      .text = torch::tensor({{3.0, 4.0}}, torch::kDouble),
      .negative = torch::tensor({{{0.8, 0.6}, {0.0, -7.0}}}, torch::kDouble)};
  const double wanted = -std::log(0.6) + 0.5 * (-std::log(0.2) / 2);
  EXPECT_NEAR(calibration_loss(features, {.negatives = 0.5}).item<double>(), wanted, 1e-12);
}

TEST(Calibration, HoldsCosinesAwayFromTheEndsOfTheLogarithm) {
  const at::Tensor one = torch::tensor({{1.0, 0.0}}, torch::kDouble);
  const double end = -std::log(1e-4);
  EXPECT_NEAR(calibration_loss({.image = -one, .text = one}, {}).item<double>(), end, 1e-9);
  const CalibrationFeatures both{.image = one, .text = one, .negative = one.unsqueeze(1)};
  EXPECT_NEAR(calibration_loss(both, {}).item<double>(), end, 1e-9);
}

TEST(Calibration, HasTheGradientOfCentralDifferences) {
  CalibrationFeatures features = support::random_features(42);
  const auto loss = [&](const at::Tensor& image) {
    CalibrationFeatures moved = features;
    moved.image = image;
    return calibration_loss(moved, {});
  };
  EXPECT_LT(support::largest_gradient_fault(loss, features.image), 1e-7);
}

TEST(Calibration, FallsWhenThePictureTurnsToItsTextAndAwayFromTheOthers) {
  const at::Tensor text = torch::tensor({{1.0, 0.0}}, torch::kDouble);
  const at::Tensor other = torch::tensor({{{0.0, 1.0}}}, torch::kDouble);
  double before = 1e9;
  for (const double angle : {1.2, 0.8, 0.4, 0.1}) {
    const at::Tensor image =
        torch::tensor({std::cos(angle), std::sin(angle)}, torch::kDouble).view({1, 2});
    const double loss =
        calibration_loss({.image = image, .text = text, .negative = other}, {}).item<double>();
    EXPECT_LT(loss, before);
    before = loss;
  }
}

TEST(Calibration, IsFiniteForOppositeEqualAndZeroFeatures) {
  const at::Tensor one = torch::tensor({{1.0, 0.0}});
  const at::Tensor nothing = torch::zeros({1, 2});
  for (const at::Tensor& image : {one, -one, nothing}) {
    for (const at::Tensor& text : {one, -one, nothing}) {
      const auto loss = [&](const at::Tensor& x) {
        return calibration_loss({.image = x, .text = text, .negative = text.unsqueeze(1)}, {});
      };
      EXPECT_TRUE(std::isfinite(loss(image).item<double>()));
      EXPECT_TRUE(support::gradient_of(loss, image).isfinite().all().item<bool>());
    }
  }
}

TEST(Calibration, RefusesOtherShapes) {
  CalibrationFeatures features = support::random_features(43);
  features.has_negative = torch::ones({3, 3}, torch::kBool);
  EXPECT_THROW(calibration_loss(features, {}), core::Error);
  features = support::random_features(43);
  features.text = torch::ones({3, 5});
  EXPECT_THROW(calibration_loss(features, {}), core::Error);
  EXPECT_THROW(calibration_loss({}, {}), core::Error);
}

TEST(MaskedPictures, KeepWhatTheResponseHoldsAndBlackenTheRest) {
  torch::manual_seed(44);
  const at::Tensor images = torch::randn({2, 3, 6, 6});
  at::Tensor response = torch::ones({2, 3, 3});
  response[1].zero_();
  const at::Tensor masked = masked_pictures(images, response, 6);
  EXPECT_TRUE(at::allclose(masked[0], images[0], 1e-5, 1e-6));
  EXPECT_EQ(masked[1].abs().max().item<float>(), 0);
}

TEST(MaskedPictures, ResizeBothWithTheirCornersAligned) {
  const at::Tensor images = torch::ones({1, 3, 4, 4});
  const at::Tensor response = torch::tensor({{{0.0F, 1.0F}, {0.0F, 1.0F}}});
  const at::Tensor masked = masked_pictures(images, response, 5);
  EXPECT_EQ(masked.sizes(), (at::IntArrayRef{1, 3, 5, 5}));
  EXPECT_TRUE(at::allclose(masked[0][2][4], torch::tensor({0.0F, 0.25F, 0.5F, 0.75F, 1.0F})));
  EXPECT_EQ(masked_pictures(images, response, Options{}.image_size).size(3), 224);
}

TEST(MaskedPictures, CarryAGradientToTheResponse) {
  torch::manual_seed(45);
  const at::Tensor images = torch::randn({1, 3, 5, 5}, torch::kDouble);
  const auto sum = [&](const at::Tensor& x) { return masked_pictures(images, x, 7).sum(); };
  EXPECT_LT(support::largest_gradient_fault(sum, torch::rand({1, 3, 3}, torch::kDouble)), 1e-7);
}

}  // namespace
}  // namespace pcnet::losses
