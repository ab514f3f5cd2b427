#include "pcnet/losses/kl_divergence.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/gradients.h"
#include "support/loss_inputs.h"
#include "support/naive_losses.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::KlDivergenceOptions;
using support::every_setting;
using support::random_text_pairs;

double value(const TextPairs& pairs, const Options& options) {
  return kl_divergence_loss(pairs, options).item<double>();
}

at::Tensor gradient(const TextPairs& pairs, const Options& options) {
  return support::gradient_of(
      [&](const at::Tensor& x) {
        TextPairs moved = pairs;
        moved.partner = x;
        return kl_divergence_loss(moved, options);
      },
      pairs.partner);
}

TEST(KlDivergence, IsOffByDefault) {
  const Options options;
  EXPECT_EQ(options.weight, 0);
  EXPECT_EQ(options.scores.word(), "max");
  EXPECT_EQ(options.stages.word(), "all");
}

TEST(KlDivergence, IsThatOfTheNaiveLoopInEverySetting) {
  const TextPairs pairs = random_text_pairs({}, 31);
  for (const Options& options : every_setting<Options>()) {
    EXPECT_LT(value(pairs, options), 0);
    EXPECT_NEAR(value(pairs, options), naive::kl_divergence(pairs, pairs, options), 1e-10);
  }
}

TEST(KlDivergence, HasTheGradientOfTheNaiveLoop) {
  const TextPairs pairs = random_text_pairs({.pictures = 2, .stages = 2}, 32);
  for (const Options& options : every_setting<Options>()) {
    const auto of_partner = [&](const at::Tensor& x) {
      TextPairs moved = pairs;
      moved.partner = x;
      return naive::kl_divergence(moved, pairs, options);
    };
    const at::Tensor wanted = support::central_differences(of_partner, pairs.partner);
    EXPECT_LT((gradient(pairs, options) - wanted).abs().max().item<double>(), 1e-8);
    const auto of_own = [&](const at::Tensor& x) {
      TextPairs moved = pairs;
      moved.own = x;
      return kl_divergence_loss(moved, options);
    };
    const auto of_own_naive = [&](const at::Tensor& x) {
      TextPairs moved = pairs;
      moved.own = x;
      return naive::kl_divergence(moved, pairs, options);
    };
    EXPECT_LT((support::gradient_of(of_own, pairs.own) -
               support::central_differences(of_own_naive, pairs.own))
                  .abs()
                  .max()
                  .item<double>(),
              1e-8);
  }
}

TEST(KlDivergence, HasItsHandValueForTwoProposals) {
  // Scores (1, 0) and (0, 1), but for 1e-5: p = (a, 1 - a) and (1 - a, a), KL = (2a - 1)
  // ln(a/(1-a)), and ln(a / (1 - a)) is the difference of the scores, 1.
  TextPairs pairs;
  pairs.own = torch::tensor({1.0, -1.0}, torch::kDouble).view({1, 1, 1, 2});
  pairs.partner = torch::tensor({-1.0, 1.0}, torch::kDouble).view({1, 1, 1, 1, 2});
  pairs.has_partner = torch::ones({1, 1}, torch::kBool);
  pairs.proposals = support::row_proposals(2, {{0}, {}, {1}});
  const double a = 1 / (1 + std::exp(-1.0));
  EXPECT_NEAR(value(pairs, {}), -(2 * a - 1), 2e-5);
}

TEST(KlDivergence, IsZeroForIdenticalTextsAndWithoutPairs) {
  TextPairs same = random_text_pairs({}, 33);
  same.partner = same.own.unsqueeze(2).repeat({1, 1, 2, 1, 1});
  TextPairs alone = random_text_pairs({}, 33);
  alone.has_partner.zero_();
  TextPairs bare = random_text_pairs({}, 33);
  bare.proposals.zero_();
  const TextPairs none = random_text_pairs({.partners = 0}, 33);
  for (const TextPairs& pairs : {same, alone, bare, none}) {
    EXPECT_NEAR(value(pairs, {}), 0, 1e-12);
    EXPECT_LT(gradient(pairs, {}).abs().sum().item<double>(), 1e-12);
  }
}

TEST(KlDivergence, ChangesWithEachSwitch) {
  const TextPairs pairs = random_text_pairs({}, 34);
  for (const auto& [name, options] : support::turned_switches<Options>()) {
    EXPECT_NE(value(pairs, options), value(pairs, {})) << name;
  }
}

}  // namespace
}  // namespace pcnet::losses
