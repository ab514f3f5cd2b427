#include "pcnet/engine/learner.h"

#include <cmath>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/losses/classification.h"
#include "pcnet/model/pcnet.h"
#include "pcnet/model/response_map.h"
#include "pcnet/model/tris.h"

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

  model::Tris model_{support::tiny_model(), 6};
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
}

class Referring : public testing::Test {
 protected:
  Referring() {
    torch::manual_seed(5);
    model_ = model::PCNet(support::tiny_model(), config::referring_profile("improved"), 6);
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

TEST_F(Referring, RefusesABatchWithoutWhatTheTermsNeed) {
  batch_.proposals = at::Tensor();
  EXPECT_THROW(terms({}, 1), core::Error);
}

TEST_F(Referring, TrainsTheBaselineOnPairsToo) {
  const model::Tris tris(support::tiny_model(), 6);
  const auto terms = ReferringLearner(tris.ptr(), config::CriterionOptions{}).losses(batch_, {});
  EXPECT_EQ(terms.terms.size(), 3U);
  EXPECT_TRUE(terms.total.isfinite().item<bool>());
}

}  // namespace
}  // namespace pcnet::engine
