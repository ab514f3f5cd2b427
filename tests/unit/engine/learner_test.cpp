#include "pcnet/engine/learner.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/losses/classification.h"
#include "pcnet/losses/region_aware_shrinking.h"
#include "pcnet/model/baseline.h"
#include "pcnet/model/frozen_clip.h"
#include "pcnet/model/pcnet.h"
#include "pcnet/model/response_map.h"

#include "support/lively.h"
#include "support/tiny.h"

namespace pcnet::engine {
namespace {

data::Batch two_pictures() {
  torch::manual_seed(3);
  return {torch::randint(0, 256, {2, 3, 32, 32}, torch::kUInt8),
          torch::tensor({{4, 1, 5, 0}, {4, 2, 5, 0}, {4, 3, 2, 5}}, torch::kInt64),
          torch::tensor({{0, 1}, {2, 0}}, torch::kInt64)};
}

class Contrastive : public testing::Test {
 protected:
  losses::Terms terms(double classification) {
    config::LossOptions options;
    options.contrastive.classification = classification;
    model_->eval();
    return ContrastiveLearner(model_.ptr(), options).losses(batch_, {});
  }

  model::Baseline model_{support::tiny_model(), 6};
  data::Batch batch_ = two_pictures();
};

TEST_F(Contrastive, HasOneTermUnlessClassificationIsAskedFor) {
  const auto plain = terms(0);
  ASSERT_EQ(plain.terms.size(), 1U);
  EXPECT_EQ(plain.total.item<double>(), plain.terms[0].second.item<double>());
}

TEST_F(Contrastive, AddsTheMeanClassificationLossOfItsSlots) {
  const auto both = terms(0.25);
  ASSERT_EQ(both.terms.size(), 2U);
  EXPECT_EQ(both.terms[1].first, "classification");
  const at::Tensor logits = model::all_pairs_cosine(model_->encode_images(batch_.images),
                                                    model_->encode_texts(batch_.tokens)) *
                            model_->scale();
  const auto slot = [&](std::int64_t own, std::int64_t other) {
    const at::Tensor texts = torch::tensor({own, other}, torch::kInt64);
    return losses::classification_loss(logits.index_select(1, texts), {}).item<double>();
  };
  const double by_hand = (slot(0, 2) + slot(1, 0)) / 2;  // the columns of text_index
  EXPECT_NEAR(both.terms[1].second.item<double>(), by_hand, 1e-6);
  EXPECT_NEAR(both.total.item<double>(), both.terms[0].second.item<double>() + 0.25 * by_hand,
              1e-6);
}

TEST_F(Contrastive, AddsTheMirroredTextsWhenTheyAreAskedFor) {
  const auto plain = terms(0);
  config::LossOptions options;
  options.contrastive.mirrored = 0.5;
  batch_.mirrored_index = torch::tensor({{2, -1}, {-1, -1}}, torch::kInt64);
  const auto both = ContrastiveLearner(model_.ptr(), options).losses(batch_, {});
  ASSERT_EQ(both.terms.size(), 2U);
  EXPECT_EQ(both.terms[1].first, "mirrored");
  // Every text stays where it was in the contrast.
  EXPECT_EQ(both.terms[0].second.item<double>(), plain.terms[0].second.item<double>());
  const at::Tensor logits = model::all_pairs_cosine(model_->encode_images(batch_.images),
                                                    model_->encode_texts(batch_.tokens)) *
                            model_->scale();
  const at::Tensor own = logits[0].flatten(1).logsumexp(1);  // of each text on picture 0
  const double by_hand = std::log1p(std::exp((own[2] - own[0]).item<double>()));
  EXPECT_NEAR(both.terms[1].second.item<double>(), by_hand, 1e-5);
  EXPECT_NEAR(both.total.item<double>(), plain.total.item<double>() + 0.5 * by_hand, 1e-5);
  options.contrastive.mirrored_ramp = 0.4;
  for (const double progress : {0.0, 0.1, 0.4, 0.9}) {
    const auto ramped =
        ContrastiveLearner(model_.ptr(), options).losses(batch_, {.step = 0, .progress = progress});
    const double factor = 0.5 * std::min(1.0, progress / 0.4);
    EXPECT_NEAR(ramped.total.item<double>(), plain.total.item<double>() + factor * by_hand, 1e-5);
  }
}

class Referring : public testing::Test {
 protected:
  Referring() {
    torch::manual_seed(5);
    model_ = model::PCNet(support::tiny_model("improved"), 6);
    const torch::NoGradGuard no_grad;
    for (const auto& item : model_->named_parameters()) {
      if (item.key().ends_with("_project.bias")) item.value().fill_(0.5);  // positive cosines
    }
    batch_.cue_index = torch::tensor({{{1, 3, 0}}, {{2, 0, 3}}}, torch::kInt64);
    batch_.text_index = torch::tensor({{0}, {1}}, torch::kInt64);
    batch_.partner_index = torch::tensor({{2}, {3}}, torch::kInt64);
    batch_.partner_cue_index = torch::tensor({{{3, 1, 1}}, {{0, 2, 2}}}, torch::kInt64);
    batch_.has_partner = torch::ones({2, 1}, torch::kBool);
    batch_.proposals = torch::tensor({1, 0, 0, 0, 0, 1, 1, 0}, torch::kByte)
                           .view({1, 2, 2, 2})
                           .repeat({2, 1, 1, 1});
    batch_.tokens =
        torch::tensor({{4, 1, 5, 0}, {4, 2, 5, 0}, {4, 3, 5, 0}, {4, 3, 2, 5}}, torch::kInt64);
  }
  losses::Terms terms(const config::CriterionOptions& options, double progress) {
    return ReferringLearner(model_.ptr(), options)
        .losses(batch_, {.step = 0, .progress = progress});
  }

  model::PCNet model_ = nullptr;
  data::Batch batch_ = two_pictures();
};

TEST_F(Referring, NamesEveryTermAndRampsTheOneThatIsRamped) {
  config::CriterionOptions options;
  options.instance_disambiguation.maps = "logits";
  options.instance_disambiguation.gradient = "softmax";
  options.instance_disambiguation.ramp = 0.5;
  const auto late = terms(options, 0.5);
  ASSERT_EQ(late.terms.size(), 3U);
  EXPECT_EQ(late.terms[0].first, "classification");
  EXPECT_EQ(late.terms[1].first, "region_aware_shrinking");
  EXPECT_EQ(late.terms[2].first, "instance_disambiguation");
  const double sum = late.terms[0].second.item<double>() + late.terms[1].second.item<double>();
  EXPECT_NEAR(late.total.item<double>(), sum + late.terms[2].second.item<double>(), 1e-5);
  EXPECT_NEAR(terms(options, 0).total.item<double>(), sum, 1e-5);
}

TEST_F(Referring, GivesEveryParameterOfTheHeadAGradient) {
  terms({}, 1).total.backward();
  for (const auto& item : model_->named_parameters()) {
    if (item.key().find("_project.") == std::string::npos) continue;
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().sum().item<double>(), 0) << item.key();
  }
}

TEST_F(Referring, AnswersThePartnersWithTheirOwnCues) {
  config::CriterionOptions options;
  options.classification.weight = 0;
  options.region_aware_shrinking.weight = 0;
  options.instance_disambiguation.weight = 0;
  options.kl_divergence.weight = 1;
  const double before = terms(options, 1).total.item<double>();
  batch_.partner_cue_index = torch::tensor({{{0, 0, 0}}, {{1, 1, 1}}}, torch::kInt64);
  EXPECT_NE(terms(options, 1).total.item<double>(), before);
}

TEST_F(Referring, ShowsTheModelPartnersThatNoTermComparesWhenItLooksAtThem) {
  config::CriterionOptions options;
  options.region_aware_shrinking.weight = 0;
  options.instance_disambiguation.weight = 0;
  for (const bool looks : {false, true}) {
    config::ModelOptions model = support::tiny_model();
    model.referring.partner_context = looks;
    torch::manual_seed(5);
    model::PCNet network(model, 6);
    network->eval();
    support::make_lively(*network, 1);
    const auto loss = [&] {
      return ReferringLearner(network.ptr(), options).losses(batch_, {}).total.item<double>();
    };
    const double before = loss();
    batch_.partner_index = 5 - batch_.partner_index;  // 3 and 2
    EXPECT_EQ(loss() != before, looks);
  }
}

TEST_F(Referring, RefusesABatchWithoutWhatTheTermsNeed) {
  batch_.proposals = at::Tensor();
  EXPECT_THROW(terms({}, 1), core::Error);
}

/// The learner beside a frozen CLIP of its own, in evaluation so that two calls give the same.
class Calibrated : public Referring {
 protected:
  Calibrated() {
    model_->eval();
    support::make_lively(*model_, 1);
    options_.region_aware_shrinking.weight = 0;
    options_.instance_disambiguation.weight = 0;
    options_.calibration.weight = 2;
  }
  static std::shared_ptr<model::FrozenClip> frozen() {
    torch::manual_seed(6);
    config::ModelOptions options = support::tiny_model();
    options.clip.visual.attention_pool = false;
    const auto model = std::make_shared<model::BaselineImpl>(options, 6);
    support::make_lively(*model, 5);
    return std::make_shared<model::FrozenClip>(model, 0);
  }
  losses::Terms terms(double progress = 1) {
    const bool asked =
        asks_frozen_clip(losses::Criterion(options_).needs(), batch_.clip_scores.defined());
    ReferringLearner learner(model_.ptr(), options_, 0, asked ? frozen() : nullptr);
    return learner.losses(batch_, {.step = 0, .progress = progress});
  }
  double calibration() {
    for (const auto& [name, value] : terms().terms) {
      if (name == "calibration") return value.item<double>();
    }
    return -1;
  }
  at::Tensor gradient() {
    model_->zero_grad();
    terms().total.backward();
    return model_->named_parameters()["c4_vis_project.weight"].grad().clone();
  }
  /// What the frozen CLIP says of the masked pictures, with the texts of two rows of tokens.
  at::Tensor scores_by_hand(const at::Tensor& rows, std::size_t stage = 2) {
    const auto clip = frozen();
    const at::Tensor visual = model_->encode_images(batch_.images);
    const model::Expressions own = model::gather_expressions(model_->encode_texts(batch_.tokens),
                                                             batch_.text_index, batch_.cue_index);
    const at::Tensor logits = model_->forward(visual, own).at(stage).samples;  // [2, 2, h, w]
    const at::Tensor maps = at::stack({logits[0][0], logits[1][1]});
    const at::Tensor texts = clip->encode_texts(batch_.tokens.index_select(0, rows)).unsqueeze(1);
    return clip
        ->masked_scores(batch_.images,
                        losses::calibration_mask(maps, {32, 32}, options_.calibration), texts)
        .select(1, 0);
  }

  config::CriterionOptions options_;
};

TEST_F(Calibrated, LooksAtTheLastStageAndThePartners) {
  const at::Tensor own = scores_by_hand(torch::tensor({0, 1}));
  const at::Tensor other = scores_by_hand(torch::tensor({2, 3}));
  EXPECT_NEAR(calibration(), losses::calibration_loss({own, other.unsqueeze(1)}, {}).item<double>(),
              1e-5);
}

TEST_F(Calibrated, LooksAtEachStageWithItsCueWhenAsked) {
  options_.calibration.stages = "all";
  std::vector<at::Tensor> own;
  std::vector<at::Tensor> other;
  for (std::size_t n = 0; n < 3; ++n) {
    own.push_back(
        scores_by_hand(batch_.cue_index.select(1, 0).select(1, static_cast<std::int64_t>(n)), n));
    other.push_back(scores_by_hand(torch::tensor({2, 3}), n));
  }
  double mean = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    mean += losses::calibration_loss({own[n], other[n].unsqueeze(1)}, {}).item<double>() / 3;
  }
  EXPECT_NEAR(calibration(), mean, 1e-5);
}

TEST_F(Calibrated, TakesAnotherSamplesSentenceWhereAPictureHasNoPartner) {
  const at::Tensor own = scores_by_hand(torch::tensor({0, 1}));
  batch_.has_partner = torch::tensor({{true}, {false}});
  const at::Tensor mixed = scores_by_hand(torch::tensor({2, 0}));
  EXPECT_NEAR(calibration(), losses::calibration_loss({own, mixed.unsqueeze(1)}, {}).item<double>(),
              1e-5);
  batch_.partner_index.reset();
  batch_.partner_cue_index.reset();
  batch_.has_partner.reset();
  const at::Tensor next = scores_by_hand(torch::tensor({1, 0}));
  EXPECT_NEAR(calibration(), losses::calibration_loss({own, next.unsqueeze(1)}, {}).item<double>(),
              1e-5);
}

TEST_F(Calibrated, HasNoNegativeInABatchOfOneWithoutPartner) {
  for (auto* rows : {&batch_.images, &batch_.text_index, &batch_.cue_index}) {
    *rows = rows->narrow(0, 0, 1);
  }
  batch_.partner_index.reset();
  batch_.partner_cue_index.reset();
  batch_.has_partner.reset();
  options_.calibration.negatives = 0;
  const double own = calibration();
  options_.calibration.negatives = 1;
  EXPECT_TRUE(std::isfinite(own));
  EXPECT_EQ(calibration(), own);
}

TEST_F(Calibrated, ChangesTheGradientsAndWithoutWeightAsksNobody) {
  const at::Tensor with = gradient();
  options_.calibration.weight = 0;
  const at::Tensor without = gradient();  // no frozen CLIP at all
  EXPECT_GT((with - without).abs().max().item<double>(), 1e-6);
  options_.classification.weight = 0;
  options_.calibration.weight = 1;
  EXPECT_GT(gradient().abs().max().item<double>(), 1e-6);
}

TEST_F(Calibrated, MasksAsAsked) {
  const double response = calibration();
  options_.calibration.mask = "sigmoid";
  EXPECT_NE(calibration(), response);
}

TEST_F(Calibrated, NeedsAFrozenClip) {
  ReferringLearner learner(model_.ptr(), options_);
  EXPECT_THROW(learner.losses(batch_, {}), core::Error);
}

TEST_F(Calibrated, ShrinksToTheProposalThatTheFrozenClipChooses) {
  options_.calibration.weight = 0;
  options_.classification.weight = 0;
  options_.region_aware_shrinking.weight = 1;
  options_.region_aware_shrinking.foreground = "clip_score";
  options_.region_aware_shrinking.form = "released";
  const auto clip = frozen();
  const at::Tensor scores = clip->proposal_scores(batch_.images, batch_.proposals,
                                                  clip->encode_texts(batch_.tokens.slice(0, 0, 2)));
  const at::Tensor visual = model_->encode_images(batch_.images);
  const model::Expressions own = model::gather_expressions(model_->encode_texts(batch_.tokens),
                                                           batch_.text_index, batch_.cue_index);
  std::vector<at::Tensor> stages;
  for (const auto& stage : model_->forward(visual, own)) {
    stages.push_back(at::stack({stage.samples[0][0], stage.samples[1][1]}));
  }
  losses::StageMaps maps{at::stack(stages, 1), batch_.proposals, scores};
  const auto& ras = options_.region_aware_shrinking;
  const double chosen = losses::region_aware_shrinking_loss(maps, ras).foreground.item<double>();
  EXPECT_NEAR(terms().terms.at(1).second.item<double>(), chosen, 1e-5);
  maps.clip_scores = -scores;
  const double other = losses::region_aware_shrinking_loss(maps, ras).foreground.item<double>();
  EXPECT_GT(std::abs(other - chosen), 1e-3);
  batch_.clip_scores = -scores;  // stored: no frozen CLIP is asked
  EXPECT_NEAR(terms().terms.at(1).second.item<double>(), other, 1e-5);
  options_.calibration.weight = 1;  // which asks one, whatever is stored
  EXPECT_NEAR(terms().terms.at(1).second.item<double>(), other, 1e-5);
}

TEST_F(Referring, TrainsTheBaselineOnPairsToo) {
  const model::Baseline tris(support::tiny_model(), 6);
  const auto terms = ReferringLearner(tris.ptr(), config::CriterionOptions{}).losses(batch_, {});
  EXPECT_EQ(terms.terms.size(), 3U);
  EXPECT_TRUE(terms.total.isfinite().item<bool>());
}

}  // namespace
}  // namespace pcnet::engine
