#include "pcnet/model/frozen_clip.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/image/normalise.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/model/baseline.h"

#include "support/gradients.h"
#include "support/lively.h"
#include "support/tiny.h"

namespace pcnet::model {
namespace {

/// A tiny model with statistics in its BatchNorms that are nobody's, so that eval and train differ.
std::shared_ptr<BaselineImpl> tiny(bool attention_pool) {
  torch::manual_seed(1);
  config::ModelOptions options = support::tiny_model();
  options.clip.visual.attention_pool = attention_pool;
  options.logit_scale = 20;
  auto model = std::make_shared<BaselineImpl>(options, /*vocabulary_size=*/7);
  support::make_lively(*model, 2);
  const torch::NoGradGuard no_grad;
  for (auto& buffer : model->named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer->normal_(0, 0.3);
    if (buffer.key().ends_with("running_var")) buffer->uniform_(0.5, 1.5);
  }
  return model;
}

at::Tensor images(std::int64_t count) {
  torch::manual_seed(9);
  return torch::randint(0, 256, {count, 3, 32, 32}, torch::kByte);
}

const at::Tensor& tokens() {
  static const at::Tensor tokens =
      torch::tensor({{5, 1, 2, 6}, {5, 3, 6, 0}, {5, 4, 4, 6}, {5, 2, 6, 0}}, torch::kInt64);
  return tokens;
}

at::Tensor unit_row(const at::Tensor& x) { return x / x.norm(); }

std::map<std::string, at::Tensor> copied(const torch::nn::Module& module) {
  std::map<std::string, at::Tensor> state;
  for (const auto& item : module.named_parameters()) state[item.key()] = item.value().clone();
  for (const auto& item : module.named_buffers()) state[item.key()] = item.value().clone();
  return state;
}

class EitherScore : public testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<BaselineImpl> model_ = tiny(GetParam());
  FrozenClip frozen_{model_, 0};
  /// [B, X, C]: the first text of each picture is its own number
  at::Tensor texts_ = frozen_.encode_texts(tokens()).view({2, 2, -1});
};

INSTANTIATE_TEST_SUITE_P(FrozenClip, EitherScore, testing::Bool(), [](const auto& which) {
  return which.param ? std::string("AttentionPool") : std::string("SoftMaximum");
});

TEST_P(EitherScore, PassesTheGradientToTheMapAndKeepsNone) {
  const auto before = copied(*model_);
  at::Tensor maps = torch::rand({2, 2, 2}).set_requires_grad(true);
  frozen_.masked_scores(images(2), maps, texts_).sum().backward();
  EXPECT_GT(maps.grad().abs().min().item<double>(), 0);
  for (const auto& parameter : model_->named_parameters()) {
    EXPECT_FALSE(parameter.value().requires_grad()) << parameter.key();
    EXPECT_FALSE(parameter.value().grad().defined()) << parameter.key();
  }
  EXPECT_FALSE(texts_.requires_grad());
  for (const auto& [name, tensor] : copied(*model_)) {
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
  }
}

TEST_P(EitherScore, HasTheGradientOfCentralDifferences) {
  model_->to(torch::kDouble);
  const at::Tensor texts = frozen_.encode_texts(tokens()).view({2, 2, -1});
  const auto sum = [&](const at::Tensor& maps) {
    return frozen_.masked_scores(images(2), maps, texts).sum();
  };
  torch::manual_seed(3);
  EXPECT_LT(support::largest_gradient_fault(sum, torch::rand({2, 2, 2}, torch::kDouble)), 1e-6);
}

TEST_P(EitherScore, ScoresAPictureAloneAsInABatchWhateverTrainIsCalledOn) {
  const at::Tensor pictures = image::normalise(images(2), torch::kFloat);
  const at::Tensor both = frozen_.scores(pictures, texts_);
  ASSERT_EQ(both.sizes(), (at::IntArrayRef{2, 2}));
  const auto before = copied(*model_);
  model_->train();
  for (std::int64_t b = 0; b < 2; ++b) {
    const at::Tensor one = frozen_.scores(pictures.narrow(0, b, 1), texts_.narrow(0, b, 1));
    EXPECT_TRUE(at::allclose(one[0], both[b], 1e-4, 1e-5)) << b;
  }
  for (const auto& [name, tensor] : copied(*model_)) {
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
  }
}

TEST_P(EitherScore, GivesEachProposalTheScoreOfThePictureSeenThroughItAlone) {
  at::Tensor proposals = torch::zeros({2, 3, 2, 2}, torch::kByte);
  proposals[0][0][0][1] = 1;
  proposals[0][2][1] = 7;
  proposals[1][1] = 1;
  const at::Tensor texts = texts_.select(1, 0);
  for (const std::int64_t chunk : {1, 2, 64}) {
    const at::Tensor scores = frozen_.proposal_scores(images(2), proposals, texts, chunk);
    ASSERT_EQ(scores.sizes(), (at::IntArrayRef{2, 3}));
    EXPECT_FALSE(scores.requires_grad());
    const at::Tensor pictures = image::normalise(images(2), torch::kFloat);
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t p = 0; p < 3; ++p) {
        at::Tensor seen = pictures[b].clone();
        bool any = false;
        for (std::int64_t cell = 0; cell < 4; ++cell) {  // 16 x 16 px each
          const bool in = proposals[b][p][cell / 2][cell % 2].item<int>() != 0;
          any = any || in;
          if (!in) seen.narrow(1, cell / 2 * 16, 16).narrow(2, cell % 2 * 16, 16).zero_();
        }
        const double wanted =
            any ? frozen_.scores(seen.unsqueeze(0), texts[b].view({1, 1, -1})).item<double>() : 0;
        EXPECT_NEAR(scores[b][p].item<double>(), wanted, 1e-5) << b << p;
      }
    }
  }
}

TEST_P(EitherScore, IsNotAskedForPaddingAlone) {
  const at::Tensor padding = torch::zeros({2, 3, 2, 2}, torch::kByte);
  const at::Tensor scores = frozen_.proposal_scores(images(2), padding, texts_.select(1, 0));
  EXPECT_TRUE(at::equal(scores, torch::zeros({2, 3})));
}

TEST(FrozenClip, ComparesTheGlobalEmbeddingsWhereThereIsAnAttentionPool) {
  const auto model = tiny(/*attention_pool=*/true);
  FrozenClip frozen(model, 0);
  const at::Tensor pictures = image::normalise(images(1), torch::kFloat);
  const at::Tensor scores =
      frozen.scores(pictures, frozen.encode_texts(tokens()).unsqueeze(0));  // [1, 4]
  auto& clip = model->backbone();
  const at::Tensor image = unit_row(clip->visual()->pool(clip->visual()->forward(pictures))[0]);
  for (std::int64_t x = 0; x < 4; ++x) {
    const at::Tensor text = unit_row(clip->encode_text(tokens().narrow(0, x, 1))[0]);
    EXPECT_NEAR(scores[0][x].item<double>(), image.dot(text).item<double>(), 1e-5);
  }
}

TEST(FrozenClip, TakesTheSoftMaximumOverTheGridWhereThereIsNone) {
  const auto model = tiny(/*attention_pool=*/false);
  FrozenClip frozen(model, 0);
  const at::Tensor scores = frozen.scores(image::normalise(images(1), torch::kFloat),
                                          frozen.encode_texts(tokens()).unsqueeze(0));  // [1, 4]
  const at::Tensor visual = model->encode_images(images(1))[0];                         // [6, 2, 2]
  const at::Tensor texts = model->encode_texts(tokens());
  for (std::int64_t x = 0; x < 4; ++x) {
    double sum = 0;
    double most = -1;
    for (std::int64_t cell = 0; cell < 4; ++cell) {
      const double cosine =
          visual.select(1, cell / 2).select(1, cell % 2).dot(texts[x]).item<double>();
      sum += std::exp(20 * cosine);
      most = std::max(most, cosine);
    }
    EXPECT_NEAR(scores[0][x].item<double>(), std::log(sum / 4) / 20, 1e-5);
    EXPECT_LE(scores[0][x].item<double>(), most + 1e-6);
  }
}

TEST(FrozenClip, SeesPicturesOfTheSizeThatIsAskedFor) {
  FrozenClip as_given(tiny(false), 0);
  FrozenClip same(tiny(false), 32);
  FrozenClip larger(tiny(false), 64);
  const at::Tensor texts = as_given.encode_texts(tokens()).view({2, 2, -1});
  const at::Tensor maps = torch::ones({2, 2, 2});
  const auto scores = [&](FrozenClip& frozen) {
    return frozen.masked_scores(images(2), maps, texts);
  };
  EXPECT_TRUE(at::equal(scores(as_given), scores(same)));
  const at::Tensor resized = at::upsample_bilinear2d(image::normalise(images(2), torch::kFloat),
                                                     {64, 64}, /*align_corners=*/true);
  EXPECT_TRUE(at::allclose(scores(larger), larger.scores(resized, texts)));
  EXPECT_FALSE(at::allclose(scores(larger), scores(same)));
}

TEST(FrozenClip, RefusesEmbeddingsOfTwoWidths) {
  config::ModelOptions options = support::tiny_model();
  options.clip.visual.output_dim = 10;
  const auto model = std::make_shared<BaselineImpl>(options, 7);
  EXPECT_THROW(FrozenClip(model, 0), core::ConfigError);
  options.clip.visual.attention_pool = false;
  EXPECT_NO_THROW(FrozenClip(std::make_shared<BaselineImpl>(options, 7), 0));
}

}  // namespace
}  // namespace pcnet::model
