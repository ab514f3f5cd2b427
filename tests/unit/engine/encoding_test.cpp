#include "pcnet/engine/encoding.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "pcnet/config/profiles.h"
#include "pcnet/engine/learner.h"

#include "support/allocations.h"
#include "support/full_batch.h"

namespace pcnet::engine {
namespace {

using config::Profile;
using Gradients = std::map<std::string, at::Tensor>;

Gradients gradients_of(const torch::nn::Module& module) {
  Gradients found;
  for (const auto& item : module.named_parameters()) {
    if (item->grad().defined()) found.emplace(item.key(), item->grad());
  }
  return found;
}

/// The largest difference over the largest gradient of the parameter, over all parameters.
double difference(const Gradients& left, const Gradients& right) {
  EXPECT_EQ(left.size(), right.size());
  double worst = 0;
  for (const auto& [name, gradient] : left) {
    const at::Tensor& other = right.at(name);
    const double largest = std::max(gradient.abs().max().item<double>(), 1e-4);
    worst = std::max(worst, (gradient - other).abs().max().item<double>() / largest);
  }
  return worst;
}

struct Step {
  double loss;
  Gradients gradients;
  std::int64_t peak;  ///< bytes
};

/// Forward and backward of a profile's whole loss, in double precision, so that equal means equal.
Step step(Profile profile, const data::Batch& batch, std::int64_t parts, bool training,
          bool recompute = false) {
  auto model = support::lively_pcnet(profile);
  model->to(torch::kDouble);
  model->train(training);
  model->backbone()->set_recompute(recompute);
  ReferringLearner learner(model.ptr(), config::profile_values(profile).loss, /*seed=*/0, nullptr,
                           {.parts = parts});
  const support::AllocationWatch watch;
  const losses::Terms terms = learner.losses(batch, {.step = 0, .progress = 1});
  terms.total.backward();
  return {terms.total.item<double>(), gradients_of(*model), watch.peak()};
}

TEST(PartwiseEncoding, GivesTheGradientOfTheWholeBatchWhereNormsHaveFixedStatistics) {
  const data::Batch batch = support::full_batch(6);
  for (const auto profile : {Profile::kPaper, Profile::kImproved}) {
    const Step whole = step(profile, batch, 1, /*training=*/false);
    for (const std::int64_t parts : {2, 4, 6}) {
      const Step in_parts = step(profile, batch, parts, /*training=*/false);
      EXPECT_NEAR(in_parts.loss, whole.loss, 1e-12 * std::abs(whole.loss))
          << config::Choice(profile).word() << parts;
      EXPECT_LT(difference(whole.gradients, in_parts.gradients), 1e-9)
          << config::Choice(profile).word() << parts;
    }
  }
}

TEST(PartwiseEncoding, GivesItInTrainingWhereThePartsHaveTheSameStatistics) {
  // The pictures of the second half are those of the first: each half has the mean and variance of
  // the whole.
  data::Batch batch = support::full_batch(6);
  batch.images = batch.images.slice(0, 0, 3).repeat({2, 1, 1, 1});
  const Step whole = step(Profile::kPaper, batch, 1, /*training=*/true);
  const Step halves = step(Profile::kPaper, batch, 2, /*training=*/true);
  EXPECT_NEAR(halves.loss, whole.loss, 1e-10 * std::abs(whole.loss));
  EXPECT_LT(difference(whole.gradients, halves.gradients), 1e-8);
}

TEST(PartwiseEncoding, NormalisesEachPartByItselfInTraining) {
  const data::Batch batch = support::full_batch(6);
  const Step whole = step(Profile::kPaper, batch, 1, /*training=*/true);
  EXPECT_GT(difference(whole.gradients, step(Profile::kPaper, batch, 2, true).gradients), 1e-2);
}

TEST(PartwiseEncoding, MovesRunningStatisticsOnceAStep) {
  const data::Batch batch = support::full_batch(6);
  const auto statistics = [&](std::int64_t parts) {
    auto model = support::lively_pcnet("paper");
    const at::Tensor features = PartwiseEncoding{.parts = parts}.images(*model, batch.images);
    features.sum().backward();
    return model->named_buffers();
  };
  const auto whole = statistics(1);
  const auto thirds = statistics(3);
  const std::string first = "backbone.visual.bn1.";
  EXPECT_EQ(thirds[first + "num_batches_tracked"].item<std::int64_t>(), 1);
  // The first norm sees the same values: the mean of the parts' means is that of the whole.
  EXPECT_TRUE(
      at::allclose(whole[first + "running_mean"], thirds[first + "running_mean"], 1e-4, 1e-6));
}

TEST(PartwiseEncoding, EncodesTextsInNoMorePartsThanThereAre) {
  auto model = support::lively_pcnet("paper");
  const at::Tensor tokens = support::full_batch(1).tokens.slice(0, 0, 3);
  const at::Tensor whole = PartwiseEncoding{}.texts(*model, tokens);
  const at::Tensor five = PartwiseEncoding{.parts = 5}.texts(*model, tokens);
  EXPECT_EQ(five.sizes(), whole.sizes());
  EXPECT_TRUE(at::allclose(five, whole, 1e-5, 1e-6));
}

TEST(PartwiseEncoding, HoldsLessMemory) {
  const data::Batch batch = support::full_batch(12);
  const std::int64_t whole = step(Profile::kPaper, batch, 1, true).peak;
  EXPECT_LT(step(Profile::kPaper, batch, 4, true).peak, whole * 2 / 3);
}

TEST(Recompute, GivesTheSameStepWithLessMemory) {
  const data::Batch batch = support::full_batch(8);
  for (const std::int64_t parts : {1, 2}) {
    const Step plain = step(Profile::kPaper, batch, parts, /*training=*/true);
    const Step again = step(Profile::kPaper, batch, parts, /*training=*/true, /*recompute=*/true);
    EXPECT_EQ(again.loss, plain.loss);
    EXPECT_LT(difference(plain.gradients, again.gradients), 1e-6) << parts;
    EXPECT_LT(again.peak, plain.peak * 9 / 10) << parts;
  }
}

}  // namespace
}  // namespace pcnet::engine
