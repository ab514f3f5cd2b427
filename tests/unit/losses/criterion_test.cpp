#include "pcnet/losses/criterion.h"

#include <map>

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/losses/classification.h"
#include "pcnet/losses/instance_disambiguation.h"
#include "pcnet/losses/kl_divergence.h"
#include "pcnet/losses/region_aware_shrinking.h"

#include "support/loss_inputs.h"
#include "support/naive.h"
#include "support/naive_losses.h"

namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::CriterionOptions;

/// Three pictures, three stages, two partners.
StepView random_view(std::uint64_t seed) {
  const StageMaps maps = support::random_stage_maps({}, seed);
  const TextPairs pairs = support::random_text_pairs({}, seed);
  StepView view;
  for (std::int64_t n = 0; n < 3; ++n) {
    view.logits.push_back(torch::randn({3, 3, 4, 5}, torch::kDouble));
    view.partner.push_back(pairs.partner.select(1, n));
  }
  view.has_partner = pairs.has_partner;
  view.proposals = pairs.proposals;
  view.clip_scores = maps.clip_scores;
  view.calibration = support::random_calibration(seed);
  view.draw = maps.draw;
  return view;
}

Options every_weight() {
  Options options;
  options.classification.weight = 5;
  options.region_aware_shrinking.weight = 0.25;
  options.region_aware_shrinking.form = "released";
  options.instance_disambiguation.weight = 0.5;
  options.instance_disambiguation.ramp = 0.2;
  options.kl_divergence.weight = 3;
  options.calibration.weight = 2;
  return options;
}

Options only(double cls, double ras, double iad) {
  Options options;
  options.classification.weight = cls;
  options.region_aware_shrinking.weight = ras;
  options.instance_disambiguation.weight = iad;
  return options;
}

std::map<std::string, double> by_name(const Terms& terms) {
  std::map<std::string, double> values;
  for (const auto& [name, value] : terms.terms) values[name] = value.item<double>();
  return values;
}

/// [B, N, h, w] by plain indexing.
at::Tensor own_of(const StepView& view) {
  at::Tensor own = torch::zeros({3, 3, 4, 5}, torch::kDouble);
  for (std::int64_t n = 0; n < 3; ++n) {
    for (std::int64_t b = 0; b < 3; ++b) {
      own[b][n] = view.logits[static_cast<std::size_t>(n)][b][b];
    }
  }
  return own;
}

TEST(RampedWeight, GrowsLinearlyAndStays) {
  EXPECT_EQ(ramped_weight(0.5, 0.2, 0), 0);
  EXPECT_DOUBLE_EQ(ramped_weight(0.5, 0.2, 0.05), 0.125);
  EXPECT_EQ(ramped_weight(0.5, 0.2, 0.2), 0.5);
  EXPECT_EQ(ramped_weight(0.5, 0.2, 1), 0.5);
  EXPECT_EQ(ramped_weight(0.5, 0, 0), 0.5);
  EXPECT_EQ(ramped_weight(0.5, 1, 0.5), 0.25);
}

TEST(Criterion, IsThePapersSumByDefault) {
  const StepView view = random_view(51);
  const Terms terms = Criterion(Options{})(view, 0.5);
  std::vector<std::string> names;
  for (const auto& term : terms.terms) names.push_back(term.first);
  EXPECT_EQ(names, (std::vector<std::string>{"classification", "region_aware_shrinking",
                                             "instance_disambiguation"}));
  const auto values = by_name(terms);
  EXPECT_NEAR(terms.total.item<double>(),
              values.at("classification") + values.at("region_aware_shrinking") +
                  values.at("instance_disambiguation"),
              1e-12);
}

TEST(Criterion, HoldsEveryTermOfTheNaiveLoopsAndTheirWeightedSum) {
  const StepView view = random_view(52);
  const Options options = every_weight();
  const Terms terms = Criterion{options}(view, 0.1);  // half-way up the ramp
  const auto values = by_name(terms);
  ASSERT_EQ(values.size(), 6U);

  double cls = 0;
  for (const at::Tensor& stage : view.logits) {
    cls += naive::soft_margin(naive::pooled_scores(stage, {})) / 3;
  }
  const StageMaps maps{own_of(view), view.proposals, view.clip_scores, view.draw};
  const TextPairs pairs{own_of(view), at::stack(view.partner, 1), view.has_partner, view.proposals};
  const auto ras = naive::region_aware_shrinking(maps, maps, options.region_aware_shrinking);
  const double iad = naive::instance_disambiguation(pairs, pairs, options.instance_disambiguation);
  const double kl = naive::kl_divergence(pairs, pairs, options.kl_divergence);
  const double cal = naive::calibration(*view.calibration, options.calibration);
  EXPECT_NEAR(values.at("classification"), cls, 1e-10);
  EXPECT_NEAR(values.at("region_aware_shrinking"), ras.shrinking, 1e-10);
  EXPECT_NEAR(values.at("foreground_overlap"), ras.foreground, 1e-10);
  EXPECT_NEAR(values.at("instance_disambiguation"), iad, 1e-10);
  EXPECT_NEAR(values.at("kl_divergence"), kl, 1e-10);
  EXPECT_NEAR(values.at("calibration"), cal, 1e-10);
  EXPECT_NEAR(terms.total.item<double>(),
              5 * cls + 0.25 * (ras.shrinking + ras.foreground) + 0.25 * iad + 3 * kl + 2 * cal,
              1e-9);
}

TEST(Criterion, SendsTheRampedGradientOfIadAlone) {
  const StepView view = random_view(53);
  Options options = only(0, 0, 0.5);
  options.instance_disambiguation.ramp = 0.2;
  const auto gradient = [&](double progress) {
    StepView moved = view;
    for (at::Tensor& stage : moved.logits) stage = stage.clone().set_requires_grad(true);
    Criterion{options}(moved, progress).total.backward();
    return moved.logits[1].grad().clone();
  };
  const at::Tensor whole = gradient(1);
  EXPECT_GT(whole.abs().max().item<double>(), 0);
  EXPECT_TRUE(at::allclose(gradient(0.1), whole / 2));
  EXPECT_EQ(gradient(0).abs().max().item<double>(), 0);
}

TEST(Criterion, ComputesAndNeedsOnlyTermsWithAWeight) {
  StepView view;
  view.logits = random_view(54).logits;
  const Criterion cls(only(1, 0, 0));
  EXPECT_FALSE(cls.needs().proposals || cls.needs().partners || cls.needs().clip_scores ||
               cls.needs().calibration);
  EXPECT_EQ(cls(view, 0).terms.size(), 1U);

  const Criterion ras(only(0, 1, 0));
  EXPECT_TRUE(ras.needs().proposals);
  EXPECT_FALSE(ras.needs().partners);
  EXPECT_THROW(ras(view, 0), core::Error);

  const Criterion iad(only(0, 0, 1));
  EXPECT_TRUE(iad.needs().proposals && iad.needs().partners);
  view.proposals = random_view(54).proposals;
  EXPECT_THROW(iad(view, 0), core::Error);

  Options options = only(1, 1, 0);
  options.region_aware_shrinking.foreground = "clip_score";
  options.calibration.weight = 1;
  const Criterion more(options);
  EXPECT_TRUE(more.needs().clip_scores && more.needs().calibration);
  view.clip_scores = random_view(54).clip_scores;
  EXPECT_THROW(more(view, 0), core::Error);  // no calibration
}

TEST(Criterion, RefusesAnEmptySumAndNoStage) {
  EXPECT_THROW(Criterion(only(0, 0, 0)), core::ConfigError);
  Options bare;
  bare.classification.mean_pooling = false;
  bare.classification.max_pooling = false;
  bare.classification.focal_pooling = false;
  EXPECT_THROW(Criterion{bare}, core::ConfigError);
  bare.classification.weight = 0;
  EXPECT_NO_THROW(Criterion{bare});
  EXPECT_THROW(Criterion(Options{})(StepView{}, 0), core::Error);
}

TEST(Criterion, ComparesOnTheGridThatIsAskedFor) {
  StepView view = random_view(56);
  Options options = only(0, 1, 0);
  options.grid = 7;
  EXPECT_THROW(Criterion{options}(view, 0), core::Error);
  view.proposals = support::random_proposals({.height = 7, .width = 7});
  const StageMaps maps{own_of(view), view.proposals};
  EXPECT_NEAR(Criterion{options}(view, 0).total.item<double>(),
              naive::region_aware_shrinking(maps, maps, {}).shrinking, 1e-10);
  options.grid = 0;
  EXPECT_THROW(Criterion{options}(view, 0), core::Error);
}

TEST(Criterion, BringsResponsesToTheGridByWayOfThePictureWhenAsked) {
  StepView view = random_view(58);
  view.proposals = support::random_proposals({.height = 7, .width = 7});
  Options options = only(0, 1, 1);
  options.grid = 7;
  options.kl_divergence.weight = 1;
  options.map_resize = "released";
  EXPECT_THROW(Criterion{options}(view, 0), core::Error);  // of which side?
  view.image_side = 20;
  const StageMaps maps{
      .logits = own_of(view), .proposals = view.proposals, .image_side = view.image_side};
  const TextPairs pairs{own_of(view), at::stack(view.partner, 1), view.has_partner, view.proposals,
                        view.image_side};
  EXPECT_NEAR(Criterion{options}(view, 0).total.item<double>(),
              naive::region_aware_shrinking(maps, maps, {}).shrinking +
                  naive::instance_disambiguation(pairs, pairs, {}) +
                  naive::kl_divergence(pairs, pairs, {}),
              1e-9);
}

/// Three pictures in which every odd thing happens at once, in float.
StepView odd_view(std::uint64_t seed) {
  StepView view = random_view(seed);
  torch::manual_seed(seed);
  const auto odd = [](const at::Tensor& maps) {
    const at::Tensor kept = torch::rand(maps.sizes()).gt(0.3);
    const at::Tensor factor = torch::rand({maps.size(0), maps.size(1), 1, 1}).gt(0.3) * 100.0;
    return (maps * kept * factor).to(torch::kFloat).round().set_requires_grad(true);
  };
  for (at::Tensor& stage : view.logits) stage = odd(stage);
  for (at::Tensor& stage : view.partner) stage = odd(stage);
  view.proposals = torch::rand({3, 5, 4, 5}).gt(0.6).mul(torch::rand({3, 5, 1, 1}).gt(0.5));
  view.has_partner = torch::rand({3, 2}).gt(0.4);
  const auto cosines = [](at::IntArrayRef shape) {  // the ends and 0 among them
    return (torch::randn(shape).clamp(-1, 1) * torch::rand(shape).gt(0.4)).set_requires_grad(true);
  };
  view.calibration->own = cosines({3});
  view.calibration->negative = cosines({3, 2});
  return view;
}

TEST(Criterion, IsFiniteWithAFiniteGradientForWhateverIsFinite) {
  std::vector<Options> settings;
  for (const auto& ras : support::every_setting<config::RegionAwareShrinkingOptions>()) {
    settings.push_back(every_weight());
    settings.back().region_aware_shrinking = ras;
  }
  for (const auto& iad : support::every_setting<config::InstanceDisambiguationOptions>()) {
    settings.push_back(every_weight());
    settings.back().instance_disambiguation = iad;
  }
  std::uint64_t seed = 60;
  for (const Options& options : settings) {
    StepView view = odd_view(++seed);
    view.clip_scores = torch::rand({3, 5});
    const Terms terms = Criterion{options}(view, 1);
    ASSERT_TRUE(std::isfinite(terms.total.item<double>())) << seed;
    terms.total.backward();
    for (const at::Tensor& stage : view.logits) {
      ASSERT_TRUE(stage.grad().isfinite().all().item<bool>()) << seed;
    }
    for (const at::Tensor& stage : view.partner) {
      ASSERT_TRUE(stage.grad().isfinite().all().item<bool>()) << seed;
    }
    ASSERT_TRUE(view.calibration->own.grad().isfinite().all().item<bool>()) << seed;
    ASSERT_TRUE(view.calibration->negative.grad().isfinite().all().item<bool>()) << seed;
  }
}

TEST(Criterion, GivesForBfloat16WhatItGivesForTheSameNumbersInFloat) {
  Options star = every_weight();
  star.instance_disambiguation.maps = "logits";
  star.instance_disambiguation.gradient = "softmax";
  star.instance_disambiguation.dilation = 1;
  star.instance_disambiguation.scores = "mean";
  for (const Options& options : {Options{}, every_weight(), star}) {
    StepView narrow = random_view(55);
    StepView wide = narrow;
    const auto round = [](at::Tensor& low, at::Tensor& high) {
      low = low.to(torch::kBFloat16);
      high = low.to(torch::kFloat);
    };
    for (std::size_t n = 0; n < 3; ++n) {
      round(narrow.logits[n], wide.logits[n]);
      round(narrow.partner[n], wide.partner[n]);
    }
    round(narrow.calibration->own, wide.calibration->own);
    round(narrow.calibration->negative, wide.calibration->negative);
    const Terms got = Criterion{options}(narrow, 0.1);
    const Terms wanted = Criterion{options}(wide, 0.1);
    EXPECT_EQ(got.total.scalar_type(), at::kFloat);
    EXPECT_EQ(got.total.item<float>(), wanted.total.item<float>());
    EXPECT_EQ(by_name(got), by_name(wanted));
  }
}

TEST(Criterion, IsNotRoundedByAutocast) {
  StepView view = random_view(57);
  for (std::size_t n = 0; n < 3; ++n) {
    view.logits[n] = view.logits[n].to(torch::kFloat);
    view.partner[n] = view.partner[n].to(torch::kFloat);
  }
  const Criterion criterion(every_weight());
  const auto wanted = by_name(criterion(view, 1));
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto got = by_name(criterion(view, 1));
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(got, wanted);
}

TEST(Criterion, TakesOnePictureWithoutNegatives) {
  StepView view;
  view.logits = {torch::randn({1, 1, 4, 5}), torch::randn({1, 1, 4, 5})};
  view.partner = {torch::randn({1, 1, 4, 5}), torch::randn({1, 1, 4, 5})};
  view.has_partner = torch::ones({1, 1}, torch::kBool);
  view.proposals = support::random_proposals({.pictures = 1});
  EXPECT_TRUE(std::isfinite(Criterion(Options{})(view, 1).total.item<float>()));
}

}  // namespace
}  // namespace pcnet::losses
