#include "pcnet/model/baseline.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

#include "support/lively.h"
#include "support/naive_referring.h"
#include "support/temporary_folder.h"
#include "support/tiny.h"

namespace pcnet::model {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kVocabulary = 7;

Baseline tiny(std::uint64_t seed = 1, bool train_logit_scale = false) {
  torch::manual_seed(seed);
  config::ModelOptions options = support::tiny_model();
  options.train_logit_scale = train_logit_scale;
  Baseline model(options, kVocabulary);
  const torch::NoGradGuard no_grad;
  for (auto& item : model->named_parameters()) {
    if (!item.key().ends_with("logit_scale")) {
      item->add_(torch::randn_like(item.value()) * 0.1);
    }
  }
  return model;
}

at::Tensor pictures(std::int64_t count) {
  torch::manual_seed(9);
  return torch::randint(0, 256, {count, 3, 32, 32}, torch::kByte);
}

const at::Tensor& texts() {
  static const at::Tensor tokens =
      torch::tensor({{5, 1, 2, 6}, {5, 3, 6, 0}, {5, 4, 4, 6}}, torch::kInt64);
  return tokens;
}

Baseline with_attention(torch::Dtype type = torch::kFloat) {
  torch::manual_seed(1);
  Baseline model(support::tiny_model("tris"), kVocabulary);
  support::make_lively(*model, 2);
  model->to(type);
  model->eval();
  return model;
}

TEST(Baseline, GivesFeaturesOfUnitLength) {
  Baseline model = tiny();
  const at::Tensor visual = model->encode_images(pictures(3));
  ASSERT_EQ(visual.sizes(), (at::IntArrayRef{3, 6, 2, 2}));
  EXPECT_TRUE(at::allclose(visual.norm(2, 1), torch::ones({3, 2, 2})));
  const at::Tensor text = model->encode_texts(texts());
  ASSERT_EQ(text.sizes(), (at::IntArrayRef{3, 6}));
  EXPECT_TRUE(at::allclose(text.norm(2, 1), torch::ones({3})));
}

TEST(Baseline, NormalisesBytesByImageNetsMeanAndDeviation) {
  Baseline model = tiny();
  model->eval();
  const torch::NoGradGuard no_grad;
  const at::Tensor images = pictures(1);
  at::Tensor normalised = images.to(torch::kFloat).div(255);
  const float mean[] = {0.485F, 0.456F, 0.406F};
  const float deviation[] = {0.229F, 0.224F, 0.225F};
  for (std::int64_t c = 0; c < 3; ++c) {
    normalised.select(1, c).sub_(mean[c]).div_(deviation[c]);
  }
  const auto modules = model->named_modules();
  const auto clip = std::dynamic_pointer_cast<clip::ClipImpl>(modules["backbone"]);
  const auto project = std::dynamic_pointer_cast<torch::nn::Conv2dImpl>(modules["vis_project"]);
  const at::Tensor grid = project->forward(clip->encode_image_grid(normalised));
  const at::Tensor wanted = grid / grid.norm(2, 1, /*keepdim=*/true);
  EXPECT_TRUE(at::allclose(model->encode_images(images), wanted, 1e-3, 1e-5));
}

TEST(Baseline, AddsThePlaceOfEachCellToItsFeatureWhenAskedTo) {
  torch::manual_seed(1);
  config::ModelOptions options = support::tiny_model();
  Baseline without(options, kVocabulary);
  torch::manual_seed(1);
  options.position_channels = true;
  Baseline with(options, kVocabulary);
  auto state = engine::state_dict(*with);
  const at::Tensor weight = state.at("position_project.weight");
  ASSERT_EQ(weight.sizes(), (at::IntArrayRef{6, 2, 1, 1}));
  state.erase("position_project.weight");
  for (const auto& [name, tensor] : engine::state_dict(*without)) {
    EXPECT_TRUE(at::equal(tensor, state.at(name))) << name;
    state.erase(name);
  }
  EXPECT_TRUE(state.empty());  // no other name

  const torch::NoGradGuard no_grad;
  without->eval();
  with->eval();
  const at::Tensor images = pictures(2);
  const at::Tensor plain = without->encode_images(images);
  // Only a part of x and y stays: of 2 x 2 cells the centres are at -2 and 2.
  weight.zero_();
  EXPECT_TRUE(at::equal(with->encode_images(images), plain));
  weight[0][0] = 1e4;
  weight[1][1] = 2e4;
  const at::Tensor placed = with->encode_images(images);
  const float x[] = {-1, 1, -1, 1};
  const float y[] = {-1, -1, 1, 1};
  for (std::int64_t cell = 0; cell < 4; ++cell) {
    const at::Tensor feature = placed[1].flatten(1).select(1, cell);
    EXPECT_NEAR(feature[0].item<float>(), x[cell] / std::sqrt(5.0), 1e-3);
    EXPECT_NEAR(feature[1].item<float>(), 2 * y[cell] / std::sqrt(5.0), 1e-3);
  }
}

TEST(Baseline, AddsTheCentresOfTheCellsTimesFour) {
  torch::manual_seed(1);
  config::ModelOptions options = support::tiny_model();
  options.position_channels = true;
  Baseline model(options, kVocabulary);
  model->eval();
  const torch::NoGradGuard no_grad;
  auto parameters = model->named_parameters();
  parameters["vis_project.weight"].zero_();
  parameters["vis_project.bias"].zero_();
  parameters["vis_project.bias"][5] = 1;  // a yardstick
  parameters["position_project.weight"].zero_();
  parameters["position_project.weight"][0][0] = 1;
  parameters["position_project.weight"][1][1] = 1;
  const at::Tensor grid =
      model->encode_images(torch::zeros({1, 3, 32, 64}, torch::kByte))[0];  // 2 x 4 cells
  const at::Tensor x = torch::tensor({-3.0, -1.0, 1.0, 3.0}).expand({2, 4});
  const at::Tensor y = torch::tensor({-2.0, 2.0}).unsqueeze(1).expand({2, 4});
  EXPECT_TRUE(at::allclose(grid[0] / grid[5], x, 1e-4, 1e-5)) << grid[0] / grid[5];
  EXPECT_TRUE(at::allclose(grid[1] / grid[5], y, 1e-4, 1e-5)) << grid[1] / grid[5];
}

TEST(Baseline, RefusesPicturesOfAnotherTypeOrShape) {
  Baseline model = tiny();
  EXPECT_THAT(
      [&] {
        model->encode_images(torch::zeros({1, 3, 32, 32}));
      },
      ThrowsMessage<core::Error>(HasSubstr("wanted [B, 3, S, S] of Byte")));
  EXPECT_THROW(model->encode_images(torch::zeros({3, 32, 32}, torch::kByte)), core::Error);
  EXPECT_THROW(model->encode_images(torch::zeros({1, 4, 32, 32}, torch::kByte)), core::Error);
}

TEST(Baseline, HasTheReferenceNames) {
  const auto state = engine::state_dict(*tiny());
  for (const char* name :
       {"vis_project.weight", "vis_project.bias", "lan_project.weight", "lan_project.bias",
        "logit_scale", "backbone.logit_scale", "backbone.visual.conv1.weight",
        "backbone.token_embedding.weight", "backbone.transformer.resblocks.0.ln_1.weight"}) {
    EXPECT_TRUE(state.contains(name)) << name;
  }
  EXPECT_EQ(state.at("vis_project.weight").sizes(), (at::IntArrayRef{6, 128, 1, 1}));
  EXPECT_EQ(state.at("lan_project.weight").sizes(), (at::IntArrayRef{6, 12}));
  for (const auto& [name, tensor] : state) {
    EXPECT_TRUE(name.starts_with("backbone.") || name.starts_with("vis_project.") ||
                name.starts_with("lan_project.") || name == "logit_scale")
        << name;
  }
}

TEST(Baseline, TrainsTheLogitScaleOnlyWhenAsked) {
  for (const bool train : {false, true}) {
    Baseline model = tiny(1, train);
    EXPECT_NEAR(model->scale().item<double>(), 1 / 0.07, 1e-4);
    const at::Tensor loss =
        (model->encode_images(pictures(2)).sum() + model->encode_texts(texts()).sum()) *
        model->scale();
    loss.backward();
    const at::Tensor scale = model->named_parameters()["logit_scale"];
    EXPECT_EQ(scale.requires_grad(), train);
    EXPECT_EQ(scale.grad().defined(), train);
  }
}

TEST(Baseline, GivesEveryParameterOnTheTrainingPathAGradient) {
  Baseline model = tiny();
  model->train();
  const at::Tensor visual = model->encode_images(pictures(3));
  const at::Tensor text = model->encode_texts(texts());
  at::einsum("bchw,mc->bmhw", {visual, text}).pow(3).sum().backward();
  for (const auto& item : model->named_parameters()) {
    const bool used =
        item.key().find("attnpool") == std::string::npos && !item.key().ends_with("logit_scale");
    EXPECT_EQ(item->grad().defined(), used) << item.key();
    if (used && item->grad().defined()) {
      EXPECT_GT(item->grad().abs().max().item<float>(), 0) << item.key();
    }
  }
}

TEST(Baseline, AnswersABatchAsOneByOneInEvaluation) {
  const torch::NoGradGuard no_grad;
  Baseline model = tiny();
  model->eval();
  const at::Tensor images = pictures(3);
  const at::Tensor batched = model->encode_images(images);
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor alone = model->encode_images(images.slice(0, i, i + 1));
    EXPECT_TRUE(at::allclose(batched[i], alone[0], 1e-4, 1e-5)) << i;
  }
}

TEST(Baseline, IsTheSameAfterSavingAndLoading) {
  const torch::NoGradGuard no_grad;
  const support::TemporaryFolder folder;
  Baseline model = tiny(1);
  model->train();
  model->encode_images(pictures(4));  // moves the running statistics
  engine::Checkpoint saved;
  saved.model = engine::state_dict(*model);
  engine::save_checkpoint(folder / "model.safetensors", saved);
  Baseline other = tiny(2);
  const auto loaded = engine::load_checkpoint(folder / "model.safetensors");
  engine::load_state_dict(*other, loaded.model, "model.safetensors");
  model->eval();
  other->eval();
  EXPECT_TRUE(at::equal(model->encode_images(pictures(2)), other->encode_images(pictures(2))));
  EXPECT_TRUE(at::equal(model->encode_texts(texts()), other->encode_texts(texts())));
}

TEST(Baseline, ComparesByTheCosineWithoutAttention) {
  const torch::NoGradGuard no_grad;
  Baseline model = tiny();
  model->eval();
  const at::Tensor visual = model->encode_images(pictures(2));
  const at::Tensor text = model->encode_texts(texts());
  const at::Tensor wanted = all_pairs_cosine(visual, text) * model->scale();
  EXPECT_TRUE(at::allclose(model->forward(visual, text), wanted));
  const at::Tensor picture = torch::tensor({1, 0, 1}, torch::kInt64);
  const at::Tensor own = model->respond(visual, {text}, picture)[0];
  ASSERT_EQ(own.size(0), 3);
  for (std::int64_t m = 0; m < 3; ++m) {
    EXPECT_TRUE(at::allclose(own[m], wanted[picture[m].item<std::int64_t>()][m])) << m;
  }
}

TEST(Baseline, HasTheNamesOfOfficialCheckpointsWithAttention) {
  const auto state = engine::state_dict(*with_attention());
  for (const char* name : {"attn_fusion.v_proj1.0.weight", "attn_fusion.v_proj3.1.bias",
                           "attn_fusion.t_proj2.0.weight", "attn_fusion.v_output.1.weight",
                           "attn_fusion.t_output.0.bias"}) {
    EXPECT_TRUE(state.contains(name)) << name;
  }
  EXPECT_EQ(state.size(), engine::state_dict(*tiny()).size() + 24);
}

TEST(Baseline, AnswersAsTheReleasedFormulasSay) {
  const torch::NoGradGuard no_grad;
  Baseline model = with_attention();
  const at::Tensor images = pictures(2);
  const at::Tensor grid = model->backbone()->encode_image_grid(
      image::normalise(images, torch::TensorOptions(torch::kFloat)));
  const at::Tensor features = model->backbone()->encode_text(texts());
  const at::Tensor picture = torch::tensor({1, 0, 1}, torch::kInt64);
  const at::Tensor scores =
      model->respond(model->encode_images(images), {model->encode_texts(texts())}, picture)[0];
  const auto weights = engine::state_dict(*model);
  for (std::int64_t m = 0; m < 3; ++m) {
    const at::Tensor wanted =
        support::naive::tris_score(grid[picture[m].item<std::int64_t>()], features[m], weights);
    EXPECT_GT(wanted.abs().max().item<double>(), 0.1);
    EXPECT_TRUE(at::allclose(scores[m].to(torch::kDouble), wanted, 1e-4, 1e-4)) << m;
  }
}

TEST(Baseline, LooksAtAllTextsInTraining) {
  const torch::NoGradGuard no_grad;
  Baseline model = with_attention();
  const at::Tensor visual = model->encode_images(pictures(2));
  const at::Tensor text = model->encode_texts(texts());
  const at::Tensor logits = model->forward(visual, text);
  ASSERT_EQ(logits.sizes(), (at::IntArrayRef{2, 3, 2, 2}));
  const at::Tensor picture = torch::tensor({1, 1, 1}, torch::kInt64);
  EXPECT_FALSE(at::allclose(logits[1], model->respond(visual, {text}, picture)[0]));
  // One text in training is one text at inference.
  const at::Tensor one = text.slice(0, 0, 1);
  EXPECT_TRUE(at::allclose(model->forward(visual, one)[1],
                           model->respond(visual, {one}, picture.slice(0, 0, 1))[0], 1e-5, 1e-5));
}

TEST(Baseline, GivesItsAttentionAGradient) {
  Baseline model = with_attention(torch::kDouble);
  const at::Tensor visual = support::unit_features({3, 6, 2, 2}, 1, 3);
  const at::Tensor text = support::unit_features({3, 6}, 1, 4);
  model->forward(visual, text).sin().sum().backward();
  for (const auto& item : model->named_parameters()) {
    if (!item.key().starts_with("attn_fusion.")) continue;
    // An instance norm takes away what the convolution's bias adds.
    const bool inert =
        item.key().find(".v_") != std::string::npos && item.key().ends_with(".0.bias");
    ASSERT_TRUE(item->grad().defined()) << item.key();
    EXPECT_EQ(item->grad().abs().max().item<double>() > 1e-10, !inert) << item.key();
  }
}

TEST(Baseline, RefusesPicturesThatAreNotThere) {
  Baseline model = with_attention();
  const at::Tensor visual = torch::rand({2, 6, 2, 2});
  const at::Tensor text = torch::rand({2, 6});
  EXPECT_THAT(
      [&] {
        model->respond(visual, {text}, torch::tensor({0, 2}, torch::kInt64));
      },
      ThrowsMessage<core::Error>(HasSubstr("image of text 1: got 2, wanted 0 to 1")));
  EXPECT_THROW(model->respond(visual, {text}, torch::tensor({0}, torch::kInt64)), core::Error);
  EXPECT_THROW(model->respond(visual, {text}, torch::tensor({0, 1}, torch::kInt32)), core::Error);
}

}  // namespace
}  // namespace pcnet::model
