#include "support/released_step.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/random.h"
#include "pcnet/engine/learner.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/baseline.h"
#include "pcnet/model/pcnet.h"

#include "support/lively.h"
#include "support/loss_inputs.h"
#include "support/tiny.h"

/// A step of the profile `released`, every term switched on, against the authors' rules written out
/// in support/released_step.h, from the encoders' output on: each term, and the gradient of all
/// parameters, the encoders' too.
namespace pcnet::engine {
namespace {

namespace naive = support::naive;

constexpr std::int64_t kPictures = 3;
constexpr std::int64_t kSide = 64;        // 4 x 4 cells
constexpr std::int64_t kFrozenSide = 32;  // the pool's
constexpr std::int64_t kTexts = 12;
constexpr std::int64_t kVocabulary = 9;
constexpr std::uint64_t kSeed = 3;

/// Three pictures; the last has no other object.
data::Batch three_pictures() {
  torch::manual_seed(7);
  data::Batch batch;
  batch.images = torch::randint(0, 256, {kPictures, 3, kSide, kSide}, torch::kUInt8);
  batch.tokens = torch::randint(1, kVocabulary - 1, {kTexts, 6}, torch::kInt64);
  batch.tokens.select(1, 5).fill_(kVocabulary - 1);  // the end
  batch.text_index = torch::tensor({{0}, {1}, {2}}, torch::kInt64);
  batch.cue_index = torch::tensor({{{5, 6}}, {{7, 8}}, {{9, 10}}}, torch::kInt64);
  batch.partner_index = torch::tensor({{3}, {4}, {2}}, torch::kInt64);
  batch.partner_cue_index = torch::tensor({{{8, 11}}, {{6, 9}}, {{9, 10}}}, torch::kInt64);
  batch.has_partner = torch::tensor({{true}, {true}, {false}});
  // Of whole cells of the map: a peak at the border is as high in all of its cell but for rounding.
  batch.proposals =
      support::random_proposals({.pictures = kPictures, .proposals = 8, .height = 4, .width = 4})
          .repeat_interleave(8, 2)
          .repeat_interleave(8, 3);
  batch.proposals[1] = batch.proposals[0].flip(1);  // it has none of its own
  batch.proposals[0][1] = batch.proposals[0][0];    // a tie
  batch.clip_scores = torch::rand({kPictures, 8}) + 0.1;
  batch.clip_scores.select(1, 7).zero_();  // padding
  return batch;
}

config::CriterionOptions every_term() {
  config::CriterionOptions options = config::profile_values(config::Profile::kReleased).loss;
  options.region_aware_shrinking.weight = 1;
  options.instance_disambiguation.weight = 1;
  options.calibration.own = 1;  // as with their --clip_fg
  return options;
}

class ReleasedStep : public testing::Test {
 protected:
  ReleasedStep() {
    torch::manual_seed(1);
    config::ModelOptions options = support::tiny_model("released");
    options.stages = 3;
    model_ = model::PCNet(options, kVocabulary);
    support::make_lively(*model_, 2);
    model_->to(torch::kDouble);
    model_->train();
    clip_ = std::make_shared<model::BaselineImpl>(support::tiny_model(), kVocabulary);
    support::make_lively(*clip_, 4);
    clip_->to(torch::kDouble);
    frozen_ = std::make_shared<model::FrozenClip>(clip_, kFrozenSide);
  }

  naive::ReleasedBatch seen_by_hand(std::uint64_t step) {
    const auto rows = [&](const at::Tensor& own, const at::Tensor& partner) {
      return at::cat({own, partner});  // of [B], the sentences' before the partners'
    };
    const at::Tensor features = model_->backbone()->encode_text(batch_.tokens);
    const at::Tensor of_clip = frozen_->encode_texts(batch_.tokens);
    naive::ReleasedBatch seen;
    seen.pictures = image::normalise(batch_.images, torch::TensorOptions(torch::kDouble));
    seen.grid = model_->backbone()->encode_image_grid(seen.pictures);
    seen.texts = features.index_select(
        0, rows(batch_.text_index.select(1, 0), batch_.partner_index.select(1, 0)));
    for (std::int64_t k = 0; k < 2; ++k) {
      const at::Tensor own = batch_.cue_index.select(1, 0).select(1, k);
      seen.cues.push_back(
          features.index_select(0, rows(own, batch_.partner_cue_index.select(1, 0).select(1, k))));
      seen.own_text.push_back(of_clip.index_select(0, own));
    }
    seen.own_text.push_back(of_clip.index_select(0, batch_.text_index.select(1, 0)));
    // A picture without another object: another sample's sentence.
    seen.other_text = of_clip.index_select(0, torch::tensor({3, 4, 0}, torch::kInt64)).unsqueeze(1);
    seen.same_picture = batch_.has_partner.select(1, 0);
    seen.proposals = batch_.proposals;
    seen.clip_scores = batch_.clip_scores;
    seen.pair = core::Rng({kSeed, step}).uniform() < 0.5 ? 0 : 1;
    return seen;
  }

  naive::FrozenEncoder encoder() {
    const auto encode = [this](const at::Tensor& picture) {
      const at::Tensor feature = clip_->backbone()->encode_image(picture.unsqueeze(0))[0];
      return feature / feature.norm();
    };
    return {encode, kFrozenSide};
  }
  naive::ReleasedTerms by_hand(std::uint64_t step) {
    return naive::released_step(seen_by_hand(step), weights_of(*model_), encoder());
  }

  static naive::Weights weights_of(torch::nn::Module& module) {
    naive::Weights weights;
    for (const auto& item : module.named_parameters()) weights[item.key()] = item.value();
    return weights;
  }
  /// All parameters' gradients in one row.
  static at::Tensor gradient(torch::nn::Module& module, const at::Tensor& loss) {
    module.zero_grad();
    loss.backward();
    std::vector<at::Tensor> all;
    for (const auto& parameter : module.parameters()) {
      if (parameter.grad().defined()) all.push_back(parameter.grad().flatten().clone());
    }
    return at::cat(all);
  }
  at::Tensor gradient(const at::Tensor& loss) { return gradient(*model_, loss); }

  data::Batch batch_ = three_pictures();
  model::PCNet model_ = nullptr;
  std::shared_ptr<model::BaselineImpl> clip_;
  std::shared_ptr<model::FrozenClip> frozen_;
};

TEST_F(ReleasedStep, IsThatOfTheAuthorsRulesTermByTermAndInItsWholeGradient) {
  const config::CriterionOptions options = every_term();
  for (const std::uint64_t step : {0U, 1U, 2U, 3U}) {
    const naive::ReleasedTerms wanted = by_hand(step);
    ReferringLearner learner(model_.ptr(), options, kSeed, frozen_);
    const losses::Terms got = learner.losses(batch_, {.step = static_cast<std::int64_t>(step)});
    std::map<std::string, double> values;
    for (const auto& [name, value] : got.terms) values[name] = value.item<double>();
    ASSERT_EQ(values.size(), 5U);
    const at::Tensor calibration = wanted.own + 2 * wanted.negative;
    EXPECT_NEAR(values.at("classification"), wanted.classification.item<double>(), 1e-9);
    EXPECT_NEAR(values.at("region_aware_shrinking"), wanted.shrinking.item<double>(), 1e-4);
    EXPECT_NEAR(values.at("foreground_overlap"), wanted.foreground.item<double>(), 1e-5);
    EXPECT_NEAR(values.at("instance_disambiguation"), wanted.disambiguation.item<double>(), 1e-4);
    EXPECT_NEAR(values.at("calibration"), calibration.item<double>(), 1e-9);
    const at::Tensor theirs = gradient(5 * wanted.classification + calibration + wanted.shrinking +
                                       wanted.foreground + wanted.disambiguation);
    const at::Tensor ours = gradient(got.total);
    ASSERT_EQ(ours.sizes(), theirs.sizes());
    EXPECT_LT((ours - theirs).norm().item<double>(), 1e-4 * theirs.norm().item<double>());
  }
}

/// With the default weights there are Cls and the negatives of the calibration alone.
TEST_F(ReleasedStep, IsThatOfTheAuthorsRulesWithTheirDefaultWeights) {
  const naive::ReleasedTerms wanted = by_hand(0);
  ReferringLearner learner(model_.ptr(), config::profile_values(config::Profile::kReleased).loss,
                           kSeed, frozen_);
  const at::Tensor ours = gradient(learner.losses(batch_, {}).total);
  const at::Tensor theirs = gradient(5 * wanted.classification + 2 * wanted.negative);
  EXPECT_LT((ours - theirs).norm().item<double>(), 1e-9 * theirs.norm().item<double>());
}

/// TRIS: 5 Cls, the own text and twice three negatives an image.
TEST_F(ReleasedStep, OfTrisIsThatOfItsRulesInItsWholeGradient) {
  torch::manual_seed(9);
  model::Baseline tris(support::tiny_model("tris"), kVocabulary);
  support::make_lively(*tris, 2);
  tris->to(torch::kDouble);
  batch_.partner_index = torch::tensor({{3, 4, 5}, {6, 7, 8}, {9, 10, 11}}, torch::kInt64);
  batch_.has_partner = torch::ones({kPictures, 3}, torch::kBool);
  batch_.cue_index = batch_.partner_cue_index = at::Tensor();

  naive::ReleasedBatch seen;
  const at::Tensor of_clip = frozen_->encode_texts(batch_.tokens);
  seen.pictures = image::normalise(batch_.images, torch::TensorOptions(torch::kDouble));
  seen.grid = tris->backbone()->encode_image_grid(seen.pictures);
  seen.texts = tris->backbone()->encode_text(batch_.tokens).slice(0, 0, kPictures);
  seen.own_text = {of_clip.slice(0, 0, kPictures)};
  seen.other_text = of_clip.slice(0, kPictures).view({kPictures, 3, -1});
  const naive::ReleasedTerms wanted = naive::tris_step(seen, weights_of(*tris), encoder());
  const at::Tensor total = 5 * wanted.classification + wanted.own + 2 * wanted.negative;

  ReferringLearner learner(tris.ptr(), config::profile_values(config::Profile::kTris).loss, kSeed,
                           frozen_);
  const losses::Terms got = learner.losses(batch_, {});
  EXPECT_NEAR(got.total.item<double>(), total.item<double>(), 1e-9);
  const at::Tensor ours = gradient(*tris, got.total);
  const at::Tensor theirs = gradient(*tris, total);
  EXPECT_LT((ours - theirs).norm().item<double>(), 1e-9 * theirs.norm().item<double>());
}

}  // namespace
}  // namespace pcnet::engine
