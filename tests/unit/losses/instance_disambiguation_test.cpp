#include "pcnet/losses/instance_disambiguation.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/losses/proposal_scores.h"

#include "support/gradients.h"
#include "support/loss_inputs.h"
#include "support/naive_losses.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::InstanceDisambiguationOptions;
using support::every_setting;
using support::random_text_pairs;
using support::row_proposals;

/// One picture, one stage, one partner, on a row of cells.
TextPairs one_pair(const std::vector<double>& own, const std::vector<double>& partner,
                   const at::Tensor& proposals) {
  return {.own = torch::tensor(own, torch::kDouble).view({1, 1, 1, -1}),
          .partner = torch::tensor(partner, torch::kDouble).view({1, 1, 1, 1, -1}),
          .has_partner = torch::ones({1, 1}, torch::kBool),
          .proposals = proposals};
}

double value(const TextPairs& pairs, const Options& options) {
  return instance_disambiguation_loss(pairs, options).item<double>();
}

/// The maps of all texts in one tensor, [B, N, 1 + D, h, w], and back.
at::Tensor joined(const TextPairs& pairs) {
  return at::cat({pairs.own.unsqueeze(2), pairs.partner}, 2);
}
TextPairs with_maps(TextPairs pairs, const at::Tensor& maps) {
  pairs.own = maps.select(2, 0);
  pairs.partner = maps.slice(2, 1);
  return pairs;
}

at::Tensor gradient(const TextPairs& pairs, const Options& options) {
  return support::gradient_of(
      [&](const at::Tensor& x) {
        return instance_disambiguation_loss(with_maps(pairs, x), options);
      },
      joined(pairs));
}

/// The gradient with respect to each text's map of a single pair: [own, partner], [2, width].
at::Tensor row_gradient(const TextPairs& pairs, const Options& options) {
  return gradient(pairs, options).view({2, -1});
}

/// Every setting with what is ours, and no more, where the released code has a rule of its own.
std::vector<Options> every_setting_of_ours() {
  std::vector<Options> ours;
  for (const Options& options : every_setting<Options>()) {
    if (options.tie == "smallest" && !options.softmax_padding) ours.push_back(options);
  }
  return ours;
}

Options gradient_form(config::Choice<config::AgreementGradient> form) {
  Options options;
  options.gradient = form;
  return options;
}

/// IaD* of docs/method.md#the-profile-improved.
Options star() {
  Options options = gradient_form("softmax");
  options.maps = "logits";
  options.dilation = 1;
  return options;
}

at::Tensor rows(const std::vector<double>& own, const std::vector<double>& partner) {
  return at::stack({torch::tensor(own, torch::kDouble), torch::tensor(partner, torch::kDouble)});
}

TEST(InstanceDisambiguation, HasThePapersDefaults) {
  const Options options;
  EXPECT_EQ(options.weight, 1);
  EXPECT_EQ(options.ramp, 0);
  EXPECT_EQ(options.maps.word(), "response");
  EXPECT_TRUE(options.detach_maximum);
  EXPECT_EQ(options.scores.word(), "max");
  EXPECT_EQ(options.dilation, 0);
  EXPECT_EQ(options.tie.word(), "smallest");
  EXPECT_EQ(options.straight_through.word(), "scores");
  EXPECT_FALSE(options.softmax_padding);
  EXPECT_EQ(options.gradient.word(), "squared_difference");
  EXPECT_EQ(options.distance.word(), "squared_l2");
  EXPECT_EQ(options.stages.word(), "all");
}

TEST(InstanceDisambiguation, IsThatOfTheNaiveLoopInEverySetting) {
  for (const std::int64_t side : {4, 7}) {
    TextPairs pairs = random_text_pairs({}, 21);
    if (side != 4) pairs.proposals = support::random_proposals({.height = side, .width = side});
    for (const Options& options : every_setting<Options>()) {
      EXPECT_NEAR(value(pairs, options), naive::instance_disambiguation(pairs, pairs, options),
                  1e-9);
    }
  }
}

TEST(InstanceDisambiguation, HasTheGradientOfTheNaiveLoopInEverySetting) {
  const support::LossSizes sizes{
      .pictures = 2, .stages = 2, .partners = 1, .proposals = 4, .height = 2, .width = 4};
  const TextPairs pairs = random_text_pairs(sizes, 22);
  for (const Options& options : every_setting<Options>()) {
    // The released code's two rules together; and only where there is a softmax.
    const bool softmax = options.straight_through == "softmax" || options.gradient == "softmax";
    if (options.softmax_padding != (options.tie == "first") ||
        (options.softmax_padding && !softmax)) {
      continue;
    }
    const auto loss = [&](const at::Tensor& x) {
      return naive::instance_disambiguation(with_maps(pairs, x), pairs, options);
    };
    const at::Tensor maps = joined(pairs);
    at::Tensor wanted = support::central_differences(loss, maps);
    // |y_a - y_d| has a kink where both are 0; central differences and autograd agree on 0 there.
    EXPECT_LT((gradient(pairs, options) - wanted).abs().max().item<double>(), 1e-6)
        << options.gradient.word() << " " << options.distance.word() << " "
        << options.straight_through.word();
  }
}

TEST(InstanceDisambiguation, ChangesWithEachSwitch) {
  const TextPairs pairs = random_text_pairs({}, 23);
  const at::Tensor direction = gradient(pairs, {});
  ASSERT_GT(direction.abs().max().item<double>(), 0);
  for (const auto& [name, options] : support::turned_switches<Options>()) {
    if (name == "softmax_padding") continue;  // acts on a softmax
    EXPECT_TRUE(value(pairs, options) != value(pairs, {}) ||
                !at::allclose(gradient(pairs, options), direction))
        << name;
  }
}

/// Nested proposals: the first holds both peaks.
TEST(InstanceDisambiguation, TakesTheFirstOfEqualScoresWhenAsked) {
  const at::Tensor proposals = row_proposals(4, {{0, 1, 2, 3}, {0, 1}, {2, 3}});
  const TextPairs pair = one_pair({2, 1, 1, 0}, {0, 1, 3, 1}, proposals);
  Options options;
  EXPECT_EQ(value(pair, options), -1);  // {0, 1} and {2, 3}
  options.tie = "first";
  EXPECT_EQ(value(pair, options), 1);
}

/// p = exp(S) / sum exp(S) over all planes, those that fill the list up with S = 0.
TEST(InstanceDisambiguation, CountsPaddingInTheSoftmaxWhenAsked) {
  const at::Tensor proposals = row_proposals(4, {{0, 1}, {2, 3}, {}, {}});
  const TextPairs pair = one_pair({2, 1, 1, 0}, {0, 1, 3, 1}, proposals);
  Options options;
  options.straight_through = "softmax";
  options.maps = "logits";
  options.softmax_padding = true;
  // S = (2, 1, 0, 0); -2 (y_a - y_d) = (-2, 2, 0, 0) meets dp / dS = p (1 - p) and -p p.
  const std::vector<double> e = {std::exp(2), std::exp(1), 1, 1};
  const double sum = e[0] + e[1] + e[2] + e[3];
  const double p = e[0] / sum;
  const double q = e[1] / sum;
  const at::Tensor got = row_gradient(pair, options)[0];
  EXPECT_NEAR(got[0].item<double>(), -2 * p * (1 - p) - 2 * p * q, 1e-9);
  EXPECT_NEAR(got[2].item<double>(), 2 * q * (1 - q) + 2 * p * q, 1e-9);
  options.softmax_padding = false;
  EXPECT_FALSE(at::allclose(row_gradient(pair, options)[0], got));
}

TEST(InstanceDisambiguation, GoesByWayOfThePictureAsTheNaiveLoopDoes) {
  TextPairs pairs = random_text_pairs({}, 27);
  pairs.proposals = support::random_proposals({.height = 6, .width = 6});
  pairs.image_side = 16;
  for (const auto maps : {config::ScoredMaps::kResponse, config::ScoredMaps::kLogits}) {
    Options options;
    options.maps = maps;
    EXPECT_NEAR(value(pairs, options), naive::instance_disambiguation(pairs, pairs, options), 1e-9);
  }
}

TEST(InstanceDisambiguation, IsOneForACollisionAndMinusOneForTwoObjects) {
  const at::Tensor proposals = row_proposals(4, {{0, 1}, {2, 3}, {}});
  const TextPairs collision = one_pair({2, 1, 1, 0}, {3, 0, 0, 1}, proposals);
  const TextPairs apart = one_pair({2, 1, 1, 0}, {0, 1, 3, 1}, proposals);
  for (const config::Choice<config::AgreementGradient> form :
       {config::AgreementGradient::kSquaredDifference, config::AgreementGradient::kInnerProduct,
        config::AgreementGradient::kSoftmax}) {
    Options options = gradient_form(form);
    EXPECT_EQ(value(collision, options), 1) << form.word();
    EXPECT_EQ(value(apart, options), -1) << form.word();
    options.distance = "half_l1";
    EXPECT_EQ(value(collision, options), 1) << form.word();
    EXPECT_EQ(value(apart, options), 0) << form.word();
  }
}

// --- the gradient of each form, by hand --------------------------------------------------------
// Maps of maximum 1 (but for 1e-5), proposals {0}, {1}, {2}: S is the map itself.

TEST(InstanceDisambiguation, HasNoGradientAtACollisionInTheFormOfTheEquation) {
  const TextPairs collision =
      one_pair({1, 0.6, 0.2}, {1, 0.1, 0.7}, row_proposals(3, {{0}, {1}, {2}}));
  for (const auto distance : {config::IndexDistance::kSquaredL2, config::IndexDistance::kHalfL1}) {
    for (const auto surrogate : {config::Surrogate::kScores, config::Surrogate::kSoftmax}) {
      Options options;
      options.distance = distance;
      options.straight_through = surrogate;
      EXPECT_EQ(value(collision, options), 1);
      EXPECT_EQ(row_gradient(collision, options).abs().max().item<double>(), 0);
    }
  }
}

TEST(InstanceDisambiguation, SharpensTwoObjectsInTheFormOfTheEquation) {
  // d(1 - ||y_a - y_d||^2) / dS_a = -2 (y_a - y_d): raises the own winner, lowers the other's.
  const TextPairs apart = one_pair({1, 0.6, 0.2}, {0.1, 1, 0.7}, row_proposals(3, {{0}, {1}, {2}}));
  EXPECT_TRUE(at::allclose(row_gradient(apart, {}), rows({-2, 2, 0}, {2, -2, 0}), 1e-4, 1e-12));
  Options half;
  half.distance = "half_l1";
  EXPECT_TRUE(
      at::allclose(row_gradient(apart, half), rows({-0.5, 0.5, 0}, {0.5, -0.5, 0}), 1e-4, 1e-12));
}

TEST(InstanceDisambiguation, LowersBothWinnersAtACollisionAsAnInnerProduct) {
  const TextPairs collision =
      one_pair({1, 0.6, 0.2}, {1, 0.1, 0.7}, row_proposals(3, {{0}, {1}, {2}}));
  const Options product = gradient_form("inner_product");
  EXPECT_TRUE(
      at::allclose(row_gradient(collision, product), rows({2, 0, 0}, {2, 0, 0}), 1e-4, 1e-12));
}

TEST(InstanceDisambiguation, MovesMassToOtherProposalsAtACollisionAsASoftmax) {
  // S = ln 2, 0, 0 over the three: p = 1/2, 1/4, 1/4; dL/dS_a = 2 p_0 (e_0 - p).
  const double ln2 = std::log(2.0);
  const TextPairs collision =
      one_pair({ln2, 0, 0}, {ln2, 0, 0}, row_proposals(3, {{0}, {1}, {2}, {}}));
  Options options = gradient_form("softmax");
  options.maps = "logits";
  EXPECT_EQ(value(collision, options), 1);
  EXPECT_TRUE(at::allclose(row_gradient(collision, options),
                           rows({0.5, -0.25, -0.25}, {0.5, -0.25, -0.25})));
}

TEST(InstanceDisambiguation, HasNoGradientAtACollisionWhenTheMaximumIsDifferentiated) {
  const TextPairs collision =
      one_pair({2, 0.6, 0.2}, {3, 0.1, 0.7}, row_proposals(3, {{0}, {1}, {2}}));
  Options options = gradient_form("inner_product");
  options.detach_maximum = false;
  EXPECT_LT(row_gradient(collision, options).abs().max().item<double>(), 1e-4);
  options.detach_maximum = true;
  EXPECT_GT(row_gradient(collision, options).abs().max().item<double>(), 0.1);
}

TEST(InstanceDisambiguation, SeparatesACollisionByDescentUnlessWrittenAsTheEquation) {
  const at::Tensor proposals = row_proposals(3, {{0}, {1}, {2}});
  const auto descend = [&](const Options& options) {
    TextPairs pairs = one_pair({1, 0.9, 0.2}, {1, 0.1, 0.7}, proposals);
    for (int step = 0; step < 40 && value(pairs, options) == 1; ++step) {
      pairs = with_maps(pairs, joined(pairs) - 0.05 * gradient(pairs, options));
    }
    return pairs;
  };
  EXPECT_EQ(value(descend({}), {}), 1);
  EXPECT_TRUE(at::equal(descend({}).own.flatten(), torch::tensor({1.0, 0.9, 0.2}, torch::kDouble)));

  const Options product = gradient_form("inner_product");
  EXPECT_EQ(value(descend(product), product), -1);
  EXPECT_EQ(value(descend(star()), star()), -1);
}

TEST(InstanceDisambiguation, PushesIdenticalTextsAlike) {
  const at::Tensor proposals = row_proposals(4, {{0, 1}, {2}, {3}});
  const TextPairs same = one_pair({1, 0.2, 0.8, 0.1}, {1, 0.2, 0.8, 0.1}, proposals);
  using Form = config::Choice<config::AgreementGradient>;
  for (const Form form : {Form("squared_difference"), Form("inner_product"), Form("softmax")}) {
    const at::Tensor both = row_gradient(same, gradient_form(form));
    EXPECT_EQ(value(same, gradient_form(form)), 1);
    EXPECT_TRUE(at::equal(both[0], both[1])) << form.word();
    EXPECT_EQ(both.abs().max().item<double>() > 0,
              form != config::AgreementGradient::kSquaredDifference);
  }
}

// --- index vectors ----------------------------------------------------------------------------

TEST(IndexVectors, AreExactlyOneHotInEverySetting) {
  const TextPairs pairs = random_text_pairs({}, 24);
  for (const Options& options : every_setting_of_ours()) {
    const at::Tensor y = index_vectors(pairs.own, pairs.proposals, options);
    EXPECT_TRUE(at::equal(y.sum(2), torch::ones({3, 3}, torch::kDouble)));
    EXPECT_TRUE(at::equal(y.amax(2), torch::ones({3, 3}, torch::kDouble)));
  }
}

TEST(IndexVectors, ChooseTheSmallestOfTheProposalsThatHoldThePeak) {
  const at::Tensor proposals = row_proposals(4, {{}, {0, 1, 2}, {1, 2}, {3}});
  const at::Tensor map = torch::tensor({0.5, 1.0, 0.1, 0.2}, torch::kDouble).view({1, 1, 1, 4});
  EXPECT_EQ(index_vectors(map, proposals, {}).argmax().item<std::int64_t>(), 2);
}

TEST(IndexVectors, TakeTheOneHotFromTheUndilatedAndTheGradientFromTheDilatedProposals) {
  // The peak in cell 1 is next to proposal {0} and in none; undilated, {2} wins.
  const at::Tensor proposals = row_proposals(4, {{0}, {2}, {}});
  const at::Tensor map = torch::tensor({1.0, 5.0, 2.0, 3.0}, torch::kDouble).view({1, 1, 1, 4});
  Options options = gradient_form("inner_product");
  options.maps = "logits";
  options.dilation = 1;
  EXPECT_EQ(index_vectors(map, proposals, options).argmax().item<std::int64_t>(), 1);
  const at::Tensor moved = support::gradient_of(
      [&](const at::Tensor& x) { return index_vectors(x, proposals, options)[0][0][0]; }, map);
  EXPECT_EQ(moved.flatten().argmax().item<std::int64_t>(), 1);
}

TEST(IndexVectors, TellNegativeLogitsApartWhereTheResponseCannot) {
  const at::Tensor proposals = row_proposals(3, {{0}, {1, 2}});
  const at::Tensor map = torch::tensor({-2.0, -1.0, -3.0}, torch::kDouble).view({1, 1, 1, 3});
  EXPECT_EQ(index_vectors(map, proposals, {}).argmax().item<std::int64_t>(), 0);
  EXPECT_EQ(index_vectors(map, proposals, star()).argmax().item<std::int64_t>(), 1);
}

// --- which pairs count ------------------------------------------------------------------------

TEST(InstanceDisambiguation, CountsOnlyRealPairsOnPicturesWithProposals) {
  TextPairs pairs = random_text_pairs({}, 25);  // picture 1 has no proposal
  for (const Options& options : every_setting_of_ours()) {
    const double before = value(pairs, options);
    TextPairs moved = with_maps(pairs, joined(pairs).clone());
    moved.partner.select(0, 0).select(1, 1).uniform_(-5, 5);  // no partner
    moved.partner.select(0, 1).uniform_(-5, 5);               // no proposal
    EXPECT_EQ(value(moved, options), before);
    const at::Tensor flow = gradient(pairs, options);
    EXPECT_EQ(flow[1].abs().max().item<double>(), 0);
    EXPECT_EQ(flow[0].select(1, 2).abs().max().item<double>(), 0);
  }
}

TEST(InstanceDisambiguation, IsZeroWithoutPairsProposalsOrPartners) {
  for (const Options& options : every_setting_of_ours()) {
    TextPairs alone = random_text_pairs({}, 26);
    alone.has_partner.zero_();
    TextPairs bare = random_text_pairs({}, 26);
    bare.proposals.zero_();
    const TextPairs none = random_text_pairs({.partners = 0}, 26);
    for (const TextPairs& pairs : {alone, bare, none}) {
      EXPECT_EQ(value(pairs, options), 0);
      EXPECT_EQ(gradient(pairs, options).abs().max().item<double>(), 0);
    }
  }
}

TEST(InstanceDisambiguation, IsTheSameForOnePictureAndDoesNotNoticeMorePadding) {
  const TextPairs pairs = random_text_pairs({.pictures = 1, .partners = 1}, 27);
  TextPairs twice = pairs;
  twice.own = pairs.own.repeat({2, 1, 1, 1});
  twice.partner = pairs.partner.repeat({2, 1, 1, 1, 1});
  twice.has_partner = pairs.has_partner.repeat({2, 1});
  twice.proposals =
      at::cat({torch::zeros_like(pairs.proposals), pairs.proposals}, 1).repeat({2, 1, 1, 1});
  for (const Options& options : every_setting_of_ours()) {
    EXPECT_NEAR(value(pairs, options), value(twice, options), 1e-12);
    EXPECT_TRUE(at::allclose(gradient(twice, options)[0] * 2, gradient(pairs, options)[0]));
  }
}

TEST(InstanceDisambiguation, IsACollisionWithoutAGradientForAllZeroMaps) {
  TextPairs pairs = random_text_pairs({}, 28);
  pairs = with_maps(pairs, torch::zeros_like(joined(pairs)));
  for (const Options& options : every_setting_of_ours()) {
    EXPECT_EQ(value(pairs, options), 1);
    EXPECT_TRUE(gradient(pairs, options).isfinite().all().item<bool>());
    if (options.maps == "response") {
      EXPECT_EQ(gradient(pairs, options).abs().max().item<double>(), 0);
    }
  }
}

TEST(InstanceDisambiguation, RefusesMissingPartnersAndOtherShapes) {
  TextPairs pairs = random_text_pairs({}, 29);
  pairs.has_partner = torch::ones({3, 1}, torch::kBool);
  EXPECT_THROW(instance_disambiguation_loss(pairs, {}), core::Error);
  pairs.partner.reset();
  EXPECT_THROW(instance_disambiguation_loss(pairs, {}), core::Error);
}

}  // namespace
}  // namespace pcnet::losses
