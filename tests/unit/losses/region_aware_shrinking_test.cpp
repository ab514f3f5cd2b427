#include "pcnet/losses/region_aware_shrinking.h"

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
using Options = config::RegionAwareShrinkingOptions;
using support::every_setting;
using support::random_stage_maps;
using support::row_proposals;

constexpr double kNorm = 1 + 1e-5;  // what Norm divides a map with maximum 1 by

/// Two stages on one row of four cells, with the proposals {0, 1}, {2} and {3}.
StageMaps two_stages(const std::vector<double>& first, const std::vector<double>& second) {
  StageMaps maps;
  maps.logits =
      at::stack({torch::tensor(first, torch::kDouble), torch::tensor(second, torch::kDouble)})
          .view({1, 2, 1, 4});
  maps.proposals = row_proposals(4, {{0, 1}, {2}, {3}, {}});
  return maps;
}

at::Tensor total(const StageMaps& maps, const Options& options) {
  const RegionAwareShrinking terms = region_aware_shrinking_loss(maps, options);
  return terms.foreground.defined() ? terms.shrinking + terms.foreground : terms.shrinking;
}

at::Tensor gradient(const StageMaps& maps, const Options& options) {
  return support::gradient_of(
      [&](const at::Tensor& x) {
        StageMaps moved = maps;
        moved.logits = x;
        return total(moved, options);
      },
      maps.logits);
}

TEST(RegionAwareShrinking, HasThePapersDefaults) {
  const Options options;
  EXPECT_EQ(options.weight, 1);
  EXPECT_EQ(options.scores.word(), "max");
  EXPECT_EQ(options.foreground.word(), "response");
  EXPECT_EQ(options.background.word(), "union");
  EXPECT_EQ(options.iou.word(), "union");
  EXPECT_EQ(options.form.word(), "hinge");
  EXPECT_EQ(options.foreground_mean.word(), "all");
  EXPECT_TRUE(options.detach_previous);
  EXPECT_FALSE(options.detach_maximum);
}

TEST(RegionAwareShrinking, IsThatOfTheNaiveLoopInEverySetting) {
  for (const std::int64_t side : {4, 7}) {  // the proposals' grid: that of the maps, and another
    StageMaps maps = random_stage_maps({}, 11);
    if (side != 4) maps.proposals = support::random_proposals({.height = side, .width = side});
    for (const Options& options : every_setting<Options>()) {
      const RegionAwareShrinking got = region_aware_shrinking_loss(maps, options);
      const naive::Shrinking wanted = naive::region_aware_shrinking(maps, maps, options);
      EXPECT_NEAR(got.shrinking.item<double>(), wanted.shrinking, 1e-9);
      ASSERT_EQ(got.foreground.defined(), options.form == "released");
      if (got.foreground.defined()) {
        EXPECT_NEAR(got.foreground.item<double>(), wanted.foreground, 1e-9);
      }
    }
  }
}

TEST(RegionAwareShrinking, HasTheGradientOfTheNaiveLoopInEverySetting) {
  const StageMaps maps = random_stage_maps({.pictures = 2, .proposals = 4, .height = 3}, 12);
  for (const Options& options : every_setting<Options>()) {
    const auto value = [&](const at::Tensor& x) {
      StageMaps moved = maps;
      moved.logits = x;
      const naive::Shrinking loss = naive::region_aware_shrinking(moved, maps, options);
      return loss.shrinking + (options.form == "released" ? loss.foreground : 0);
    };
    const at::Tensor wanted = support::central_differences(value, maps.logits);
    EXPECT_LT((gradient(maps, options) - wanted).abs().max().item<double>(), 1e-7);
  }
}

TEST(RegionAwareShrinking, ChangesWithEachSwitch) {
  const StageMaps maps = random_stage_maps({}, 13);
  const double value = total(maps, {}).item<double>();
  const at::Tensor direction = gradient(maps, {});
  ASSERT_GT(value, 0);
  for (const auto& [name, options] : support::turned_switches<Options>()) {
    if (name == "foreground_mean") continue;  // acts in form released
    EXPECT_TRUE(total(maps, options).item<double>() != value ||
                !at::allclose(gradient(maps, options), direction))
        << name;
  }
}

/// Two pictures whose foreground, by CLIP's score, is {0, 1}: the map of one misses it.
TEST(RegionAwareShrinking, AveragesOverTheMapsThatMeetTheirForegroundWhenAsked) {
  const StageMaps one = two_stages({1, 1, 0, 0}, {1, 0, 0, 0});
  const StageMaps two = two_stages({0, 0, 1, 0}, {0, 1, 0, 0});
  StageMaps maps{at::cat({one.logits, two.logits}), at::cat({one.proposals, two.proposals})};
  maps.clip_scores = torch::tensor({0.9, 0.1, 0.1, 0.0}, torch::kDouble).repeat({2, 1});
  Options options;
  options.form = "released";
  options.foreground = "clip_score";
  const auto value = [&] { return region_aware_shrinking_loss(maps, options).foreground; };
  const double r = 1 / kNorm;
  const double both = r;      // R = r r 0 0: 2 r / (2 r + 2 - 2 r)
  const double half = r / 2;  // R = r 0 0 0, and 0 r 0 0: r / (r + 2 - r)
  EXPECT_NEAR(value().item<double>(), (1 - both + 1 - half + 1 + 1 - half) / 4, 1e-12);
  options.foreground_mean = "meeting";
  const double first = both / (1 + 1e-4);
  const double second = 2 * half / (2 + 1e-4);
  EXPECT_NEAR(value().item<double>(), 1 - (first + second) / 2, 1e-12);
}

TEST(RegionAwareShrinking, GoesByWayOfThePictureAsTheNaiveLoopDoes) {
  StageMaps maps = random_stage_maps({}, 14);
  maps.proposals = support::random_proposals({.height = 6, .width = 6});
  maps.image_side = 16;
  for (const auto form : {config::ShrinkingForm::kHinge, config::ShrinkingForm::kReleased}) {
    Options options;
    options.form = form;
    options.foreground_mean = "meeting";
    const RegionAwareShrinking got = region_aware_shrinking_loss(maps, options);
    const naive::Shrinking wanted = naive::region_aware_shrinking(maps, maps, options);
    EXPECT_NEAR(got.shrinking.item<double>(), wanted.shrinking, 1e-9);
    if (got.foreground.defined()) {
      EXPECT_NEAR(got.foreground.item<double>(), wanted.foreground, 1e-9);
    }
  }
  StageMaps straight = maps;
  straight.image_side = 0;
  EXPECT_NE(total(straight, {}).item<double>(), total(maps, {}).item<double>());
}

TEST(StageOverlaps, HaveTheirHandValues) {
  // Stage 0: R = 1 1 1 0 (over 1.00001); the smallest of the tied proposals, {2}, is m_f, the union
  // of the others {0, 1, 3}. Stage 1: R = 0 .5 1 0.
  const StageMaps maps = two_stages({1, 1, 1, 0}, {0, 0.5, 1, 0});
  const StageOverlaps overlaps = stage_overlaps(maps, {});
  const double one = 1 / kNorm;
  EXPECT_NEAR(overlaps.foreground[0][0].item<double>(), one / (1 + 2 * one), 1e-12);
  EXPECT_NEAR(overlaps.background[0][0].item<double>(), 2 * one / (3 + one), 1e-12);
  EXPECT_NEAR(overlaps.foreground[0][1].item<double>(), one / (1 + one / 2), 1e-12);
  EXPECT_NEAR(overlaps.background[0][1].item<double>(), one / 2 / (3 + one), 1e-12);
  Options strongest;
  strongest.background = "strongest";  // {0, 1}
  EXPECT_NEAR(stage_overlaps(maps, strongest).background[0][0].item<double>(), 2 * one / (2 + one),
              1e-12);
  Options sum;
  sum.iou = "sum";
  EXPECT_NEAR(stage_overlaps(maps, sum).foreground[0][1].item<double>(), one / (1 + 1.5 * one),
              1e-12);
}

TEST(StageOverlaps, GiveNoAmbiguityForExactlyTheTarget) {
  const StageMaps maps = two_stages({1, 1, 0, 0}, {0, 0, 1, 0});
  EXPECT_LT(stage_overlaps(maps, {}).ambiguity().abs().max().item<double>(), 2e-5);
}

TEST(StageOverlaps, TakeTheTargetFromTheClipScoreWhenAsked) {
  StageMaps maps = two_stages({0, 0, 1, 0}, {0, 0, 1, 0});
  maps.clip_scores = torch::tensor({{0.1, 0.2, 0.3, 0.9}}, torch::kDouble);  // the last is padding
  Options options;
  options.foreground = "clip_score";
  EXPECT_EQ(stage_overlaps(maps, options).foreground.abs().max().item<double>(), 0);  // {3}
  maps.clip_scores.reset();
  EXPECT_THROW(stage_overlaps(maps, options), core::Error);
}

TEST(RegionAwareShrinking, IsTheRiseOfTheAmbiguityAndZeroForAFall) {
  const std::vector<double> sharp = {0, 0, 1, 0};
  const std::vector<double> vague = {1, 1, 1, 0};
  const at::Tensor amb = stage_overlaps(two_stages(sharp, vague), {}).ambiguity()[0];
  const double rise = amb[1].item<double>() - amb[0].item<double>();
  EXPECT_GT(rise, 0.5);
  EXPECT_NEAR(total(two_stages(sharp, vague), {}).item<double>(), rise, 1e-12);
  EXPECT_EQ(total(two_stages(vague, sharp), {}).item<double>(), 0);
  EXPECT_EQ(gradient(two_stages(vague, sharp), {}).abs().max().item<double>(), 0);
}

TEST(RegionAwareShrinking, SendsAGradientIntoTheEarlierStageOnlyWhenNotDetached) {
  const StageMaps maps = two_stages({0.1, 0, 1, 0.1}, {1, 0.9, 0.8, 0.2});
  Options options;
  EXPECT_EQ(gradient(maps, options)[0][0].abs().max().item<double>(), 0);
  EXPECT_GT(gradient(maps, options)[0][1].abs().max().item<double>(), 1e-3);
  options.detach_previous = false;
  EXPECT_GT(gradient(maps, options)[0][0].abs().max().item<double>(), 1e-3);
}

TEST(RegionAwareShrinking, LooksAtTheDrawnPairInTheReleasedForm) {
  StageMaps maps = random_stage_maps({.stages = 4}, 14);
  Options options;
  options.form = "released";
  const at::Tensor background = stage_overlaps(maps, options).background;  // [3, 4]
  for (const std::int64_t k : {0, 1, 2}) {
    maps.draw = (static_cast<double>(k) + 0.5) / 3;
    // Picture 1 has no proposal.
    double wanted = 0;
    for (const std::int64_t b : {0, 2}) {
      wanted += (1 - (background[b][k] - background[b][k + 1]).item<double>()) / 2;
    }
    EXPECT_NEAR(region_aware_shrinking_loss(maps, options).shrinking.item<double>(), wanted, 1e-12);
  }
}

TEST(RegionAwareShrinking, IsZeroForOneStage) {
  const StageMaps maps = random_stage_maps({.stages = 1}, 15);
  for (const Options& options : every_setting<Options>()) {
    const RegionAwareShrinking terms = region_aware_shrinking_loss(maps, options);
    EXPECT_EQ(terms.shrinking.item<double>(), 0);
    if (terms.foreground.defined()) {
      EXPECT_GT(terms.foreground.item<double>(), 0);
    }
  }
}

TEST(RegionAwareShrinking, IsTheSameForOnePictureAndForTheMeanOfSeveral) {
  const StageMaps maps = random_stage_maps({}, 16);
  for (const Options& options : every_setting<Options>()) {
    if (options.foreground_mean != "all") continue;  // a mean with a rule of its own
    double sum = 0;
    for (const std::int64_t b : {0, 2}) {  // picture 1 has no proposal
      StageMaps one = maps;
      one.logits = maps.logits.narrow(0, b, 1);
      one.proposals = maps.proposals.narrow(0, b, 1);
      one.clip_scores = maps.clip_scores.narrow(0, b, 1);
      sum += total(one, options).item<double>();
    }
    EXPECT_NEAR(total(maps, options).item<double>(), sum / 2, 1e-12);
  }
}

TEST(RegionAwareShrinking, DoesNotNoticeMorePadding) {
  const StageMaps maps = random_stage_maps({}, 17);
  StageMaps padded = maps;
  padded.proposals = at::cat({torch::zeros_like(maps.proposals), maps.proposals}, 1);
  padded.clip_scores = at::cat({torch::ones_like(maps.clip_scores), maps.clip_scores}, 1);
  for (const Options& options : every_setting<Options>()) {
    if (options.foreground_mean != "all") continue;  // a mean with a rule of its own
    EXPECT_NEAR(total(padded, options).item<double>(), total(maps, options).item<double>(), 1e-12);
  }
}

TEST(RegionAwareShrinking, IsZeroWithoutAnyProposalAndSoIsItsGradient) {
  StageMaps maps = random_stage_maps({}, 18);
  maps.proposals.zero_();
  for (const Options& options : every_setting<Options>()) {
    if (options.foreground_mean != "all") continue;  // a mean with a rule of its own
    EXPECT_EQ(total(maps, options).item<double>(), 0);
    EXPECT_EQ(gradient(maps, options).abs().max().item<double>(), 0);
  }
}

TEST(RegionAwareShrinking, IsFiniteForAllZeroMaps) {
  StageMaps maps = random_stage_maps({}, 19);
  maps.logits.zero_();
  for (const Options& options : every_setting<Options>()) {
    EXPECT_TRUE(std::isfinite(total(maps, options).item<double>()));
    EXPECT_TRUE(gradient(maps, options).isfinite().all().item<bool>());
  }
  EXPECT_EQ(total(maps, {}).item<double>(), 0);  // every stage is as ambiguous as the other
}

TEST(RegionAwareShrinking, RefusesMissingProposals) {
  StageMaps maps = random_stage_maps({}, 20);
  maps.proposals.reset();
  EXPECT_THROW(region_aware_shrinking_loss(maps, {}), core::Error);
}

}  // namespace
}  // namespace pcnet::losses
