#include "pcnet/engine/learner.h"

#include <gtest/gtest.h>

#include "pcnet/losses/classification.h"
#include "pcnet/model/response_map.h"

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
    return ContrastiveLearner(model_, options).losses(batch_);
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

}  // namespace
}  // namespace pcnet::engine
