#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/losses/criterion.h"

#include "support/loss_inputs.h"
#include "support/naive.h"
#include "support/naive_losses.h"

/// What a batch can bring at its edges, for the loss as a whole.
namespace pcnet::losses {
namespace {

namespace naive = support::naive;
using Options = config::CriterionOptions;

using GradientForm = config::Choice<config::AgreementGradient>;

/// The paper's loss, and those of section 9 and of the released code as far as they need no CLIP.
std::map<std::string, Options> losses_of_profiles() {
  Options improved;
  improved.instance_disambiguation.weight = 0.5;
  improved.instance_disambiguation.maps = "logits";
  improved.instance_disambiguation.dilation = 1;
  improved.instance_disambiguation.gradient = "softmax";
  Options released;
  released.classification.weight = 5;
  released.region_aware_shrinking.background = "strongest";
  released.region_aware_shrinking.iou = "sum";
  released.region_aware_shrinking.form = "released";
  released.instance_disambiguation.straight_through = "softmax";
  released.instance_disambiguation.distance = "half_l1";
  released.kl_divergence.weight = 1;
  return {{"paper", {}}, {"improved", improved}, {"released", released}};
}

StepView random_view(std::int64_t pictures, std::uint64_t seed) {
  const TextPairs pairs = support::random_text_pairs({.pictures = pictures}, seed);
  StepView view;
  for (std::int64_t n = 0; n < 3; ++n) {
    view.logits.push_back(torch::randn({pictures, pictures, 4, 5}, torch::kDouble) * 2 + 0.5);
    view.partner.push_back(pairs.partner.select(1, n));
  }
  view.has_partner = pairs.has_partner;
  view.proposals = pairs.proposals;
  view.draw = 0.7;
  return view;
}

/// The terms and the gradient at every map.
struct Outcome {
  std::map<std::string, double> terms;
  double total = 0;
  std::vector<at::Tensor> logits;   ///< gradients, a stage each
  std::vector<at::Tensor> partner;  ///< gradients; zeros where no term reads the partners

  double largest_gradient() const {
    double largest = 0;
    for (const auto* side : {&logits, &partner}) {
      for (const at::Tensor& g : *side) largest = std::max(largest, g.abs().max().item<double>());
    }
    return largest;
  }
  bool is_finite() const { return std::isfinite(total) && std::isfinite(largest_gradient()); }
};

Outcome run(StepView view, const Options& options) {
  for (auto* side : {&view.logits, &view.partner}) {
    for (at::Tensor& stage : *side) stage = stage.detach().clone().set_requires_grad(true);
  }
  const Terms terms = Criterion{options}(view, 1);
  Outcome outcome;
  for (const auto& [name, value] : terms.terms) outcome.terms[name] = value.item<double>();
  outcome.total = terms.total.item<double>();
  if (terms.total.requires_grad()) terms.total.backward();
  const auto gradient = [](const at::Tensor& x) {
    return x.grad().defined() ? x.grad() : torch::zeros_like(x);
  };
  for (const at::Tensor& stage : view.logits) outcome.logits.push_back(gradient(stage));
  for (const at::Tensor& stage : view.partner) outcome.partner.push_back(gradient(stage));
  return outcome;
}

double naive_classification(const StepView& view) {
  double sum = 0;
  for (const at::Tensor& stage : view.logits) {
    sum += naive::soft_margin(naive::pooled_scores(stage, {}));
  }
  return sum / static_cast<double>(view.logits.size());
}

/// IaD alone, in one of its forms.
Options disambiguation(GradientForm form) {
  Options options;
  options.classification.weight = 0;
  options.region_aware_shrinking.weight = 0;
  options.instance_disambiguation.gradient = form;
  return options;
}

/// One picture of a row of cells, one stage, one partner.
StepView one_row(const std::vector<double>& own, const std::vector<double>& partner,
                 const std::vector<std::vector<std::int64_t>>& proposals) {
  const auto map = [](const std::vector<double>& values) {
    return torch::tensor(values, torch::kDouble).view({1, 1, 1, -1});
  };
  StepView view;
  view.logits = {map(own)};
  view.partner = {map(partner)};
  view.has_partner = torch::ones({1, 1}, torch::kBool);
  view.proposals = support::row_proposals(static_cast<std::int64_t>(own.size()), proposals);
  return view;
}

TEST(CriterionEdges, OnePictureHasTheNaiveTerms) {
  const StepView view = random_view(1, 71);
  at::Tensor own = torch::zeros({1, 3, 4, 5}, torch::kDouble);
  for (std::int64_t n = 0; n < 3; ++n) own[0][n] = view.logits[static_cast<std::size_t>(n)][0][0];
  const StageMaps maps{own, view.proposals, {}, view.draw};
  const TextPairs pairs{own, at::stack(view.partner, 1), view.has_partner, view.proposals};
  for (const auto& [name, options] : losses_of_profiles()) {
    const Outcome outcome = run(view, options);
    EXPECT_TRUE(outcome.is_finite()) << name;
    EXPECT_NEAR(outcome.terms.at("classification"), naive_classification(view), 1e-10) << name;
    EXPECT_NEAR(outcome.terms.at("region_aware_shrinking"),
                naive::region_aware_shrinking(maps, maps, options.region_aware_shrinking).shrinking,
                1e-10)
        << name;
    EXPECT_NEAR(outcome.terms.at("instance_disambiguation"),
                naive::instance_disambiguation(pairs, pairs, options.instance_disambiguation),
                1e-10)
        << name;
  }
}

TEST(CriterionEdges, WithoutAnyProposalOnlyClassificationIsLeft) {
  StepView view = random_view(3, 72);
  for (const std::int64_t planes : {5, 1}) {
    view.proposals = torch::zeros({3, planes, 4, 5}, torch::kUInt8);
    for (const auto& [name, options] : losses_of_profiles()) {
      const Outcome outcome = run(view, options);
      Options alone = options;
      alone.region_aware_shrinking.weight = 0;
      alone.instance_disambiguation.weight = 0;
      alone.kl_divergence.weight = 0;
      const Outcome classification = run(view, alone);
      EXPECT_NEAR(outcome.total, classification.total, 1e-12) << name;
      for (std::size_t n = 0; n < 3; ++n) {
        EXPECT_TRUE(at::allclose(outcome.logits[n], classification.logits[n])) << name;
        EXPECT_EQ(outcome.partner[n].abs().max().item<double>(), 0) << name;
      }
    }
  }
}

TEST(CriterionEdges, AllZeroMapsAreACollisionWithoutAmbiguityToLower) {
  StepView view = random_view(3, 73);
  for (auto* side : {&view.logits, &view.partner}) {
    for (at::Tensor& stage : *side) stage = torch::zeros_like(stage);
  }
  for (const auto& [name, options] : losses_of_profiles()) {
    const Outcome outcome = run(view, options);
    EXPECT_TRUE(outcome.is_finite()) << name;
    EXPECT_NEAR(outcome.terms.at("classification"), naive_classification(view), 1e-10) << name;
    EXPECT_EQ(outcome.terms.at("instance_disambiguation"), 1) << name;
    if (name != "released") {
      EXPECT_EQ(outcome.terms.at("region_aware_shrinking"), 0) << name;
    }
  }
}

TEST(CriterionEdges, IdenticalTextsOfABatchAreToldApartByTheirTargetsAlone) {
  StepView view = random_view(3, 74);
  for (at::Tensor& stage : view.logits) stage = stage.slice(1, 0, 1).repeat({1, 3, 1, 1});
  for (const auto& [name, options] : losses_of_profiles()) {
    const Outcome outcome = run(view, options);
    EXPECT_TRUE(outcome.is_finite()) << name;
    EXPECT_NEAR(outcome.terms.at("classification"), naive_classification(view), 1e-10) << name;
  }
  // Picture 0 wants text 0 alone: two foreign texts with the same words get the same gradient.
  Options alone;
  alone.region_aware_shrinking.weight = 0;
  alone.instance_disambiguation.weight = 0;
  const Outcome outcome = run(view, alone);
  for (const at::Tensor& g : outcome.logits) {
    EXPECT_TRUE(at::allclose(g[0][1], g[0][2]));
    EXPECT_FALSE(at::allclose(g[0][0], g[0][1]));
  }
}

TEST(CriterionEdges, APartnerIdenticalToTheSentenceIsPushedAsTheSentenceIs) {
  StepView view = random_view(1, 75);
  for (std::size_t n = 0; n < 3; ++n) view.partner[n] = view.logits[n].repeat({1, 2, 1, 1});
  view.has_partner.fill_(true);
  for (const GradientForm form : {GradientForm("squared_difference"), GradientForm("inner_product"),
                                  GradientForm("softmax")}) {
    const Outcome outcome = run(view, disambiguation(form));
    EXPECT_EQ(outcome.total, 1) << form.word();  // every pair collides
    EXPECT_TRUE(outcome.is_finite()) << form.word();
    // No gradient in the form of Eq. 9; in the others the sentence gets what its two partners get.
    EXPECT_EQ(outcome.largest_gradient() > 0, form != config::AgreementGradient::kSquaredDifference)
        << form.word();
    for (std::size_t n = 0; n < 3; ++n) {
      EXPECT_TRUE(at::allclose(outcome.partner[n][0][0], outcome.partner[n][0][1])) << form.word();
      EXPECT_TRUE(at::allclose(outcome.logits[n][0][0], outcome.partner[n][0].sum(0)))
          << form.word();
    }
  }
}

TEST(CriterionEdges, ACollisionIsSeparatedByInnerProductAndSoftmaxAlone) {
  const std::vector<std::pair<GradientForm, double>> ends = {
      {GradientForm("squared_difference"), 1},
      {GradientForm("inner_product"), -1},
      {GradientForm("softmax"), -1}};
  for (const auto& [form, end] : ends) {
    StepView view = one_row({1, 0.9, 0.2}, {1, 0.1, 0.7}, {{0}, {1}, {2}});
    const Options options = disambiguation(form);
    EXPECT_EQ(run(view, options).total, 1) << form.word();
    EXPECT_EQ(run(view, options).largest_gradient() > 0,
              form != config::AgreementGradient::kSquaredDifference)
        << form.word();
    for (int step = 0; step < 200; ++step) {
      const Outcome outcome = run(view, options);
      if (outcome.total < 1) break;
      view.logits[0] = view.logits[0] - 0.05 * outcome.logits[0];
      view.partner[0] = view.partner[0] - 0.05 * outcome.partner[0];
    }
    EXPECT_EQ(run(view, options).total, end) << form.word();
  }
}

TEST(CriterionEdges, TakesTheForegroundOfTheStoredClipScoresWhenAsked) {
  StepView view = random_view(3, 76);
  view.clip_scores = torch::rand({3, 5}, torch::kDouble);
  Options options;
  const double by_response = run(view, options).terms.at("region_aware_shrinking");
  options.region_aware_shrinking.foreground = "clip_score";
  EXPECT_NE(run(view, options).terms.at("region_aware_shrinking"), by_response);
}

TEST(CriterionEdges, Bfloat16MapsOfManyCellsLoseNothingInTheSums) {
  // 4096 cells: a sum in bfloat16 would stop growing at 256.
  const support::LossSizes sizes{.pictures = 2, .proposals = 9, .height = 64, .width = 64};
  const TextPairs pairs = support::random_text_pairs(sizes, 77);
  StepView narrow;
  StepView wide;
  for (std::int64_t n = 0; n < 3; ++n) {
    narrow.logits.push_back(torch::randn({2, 2, 64, 64}).to(torch::kBFloat16));
    narrow.partner.push_back(pairs.partner.select(1, n).to(torch::kBFloat16));
    wide.logits.push_back(narrow.logits.back().to(torch::kDouble));
    wide.partner.push_back(narrow.partner.back().to(torch::kDouble));
  }
  narrow.proposals = wide.proposals = pairs.proposals;
  narrow.has_partner = wide.has_partner = pairs.has_partner;
  narrow.draw = wide.draw = 0.7;
  for (const auto& [name, options] : losses_of_profiles()) {
    const Outcome got = run(narrow, options);
    const Outcome wanted = run(wide, options);
    ASSERT_EQ(got.terms.size(), wanted.terms.size());
    for (const auto& [term, value] : wanted.terms) {
      EXPECT_NEAR(got.terms.at(term), value, 1e-5 * std::max(1.0, std::abs(value)))
          << name << " " << term;
    }
    EXPECT_TRUE(got.is_finite()) << name;
    for (std::size_t n = 0; n < 3; ++n) {
      EXPECT_EQ(got.logits[n].scalar_type(), at::kBFloat16);
      const at::Tensor fault = (got.logits[n].to(torch::kDouble) - wanted.logits[n]).abs();
      EXPECT_LT(fault.max().item<double>(), 0.02 * wanted.logits[n].abs().max().item<double>())
          << name;
    }
  }
}

}  // namespace
}  // namespace pcnet::losses
