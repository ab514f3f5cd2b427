#include "pcnet/model/tris.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/engine/checkpoint.h"

#include "support/temporary_folder.h"
#include "support/tiny.h"

namespace pcnet::model {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kVocabulary = 7;

Tris tiny(std::uint64_t seed = 1, bool train_logit_scale = false) {
  torch::manual_seed(seed);
  config::ModelOptions options = support::tiny_model();
  options.train_logit_scale = train_logit_scale;
  Tris model(options, kVocabulary);
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

TEST(Tris, GivesFeaturesOfUnitLength) {
  Tris model = tiny();
  const at::Tensor visual = model->encode_images(pictures(3));
  ASSERT_EQ(visual.sizes(), (at::IntArrayRef{3, 6, 2, 2}));
  EXPECT_TRUE(at::allclose(visual.norm(2, 1), torch::ones({3, 2, 2})));
  const at::Tensor text = model->encode_texts(texts());
  ASSERT_EQ(text.sizes(), (at::IntArrayRef{3, 6}));
  EXPECT_TRUE(at::allclose(text.norm(2, 1), torch::ones({3})));
}

TEST(Tris, NormalisesBytesByImageNetsMeanAndDeviation) {
  Tris model = tiny();
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

TEST(Tris, RefusesPicturesOfAnotherTypeOrShape) {
  Tris model = tiny();
  EXPECT_THAT(
      [&] {
        model->encode_images(torch::zeros({1, 3, 32, 32}));
      },
      ThrowsMessage<core::Error>(HasSubstr("wanted [B, 3, S, S] of Byte")));
  EXPECT_THROW(model->encode_images(torch::zeros({3, 32, 32}, torch::kByte)), core::Error);
  EXPECT_THROW(model->encode_images(torch::zeros({1, 4, 32, 32}, torch::kByte)), core::Error);
}

TEST(Tris, HasTheReferenceNames) {
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

TEST(Tris, TrainsTheLogitScaleOnlyWhenAsked) {
  for (const bool train : {false, true}) {
    Tris model = tiny(1, train);
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

TEST(Tris, GivesEveryParameterOnTheTrainingPathAGradient) {
  Tris model = tiny();
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

TEST(Tris, AnswersABatchAsOneByOneInEvaluation) {
  const torch::NoGradGuard no_grad;
  Tris model = tiny();
  model->eval();
  const at::Tensor images = pictures(3);
  const at::Tensor batched = model->encode_images(images);
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor alone = model->encode_images(images.slice(0, i, i + 1));
    EXPECT_TRUE(at::allclose(batched[i], alone[0], 1e-4, 1e-5)) << i;
  }
}

TEST(Tris, IsTheSameAfterSavingAndLoading) {
  const torch::NoGradGuard no_grad;
  const support::TemporaryFolder folder;
  Tris model = tiny(1);
  model->train();
  model->encode_images(pictures(4));  // moves the running statistics
  engine::Checkpoint saved;
  saved.model = engine::state_dict(*model);
  engine::save_checkpoint(folder / "model.safetensors", saved);
  Tris other = tiny(2);
  const auto loaded = engine::load_checkpoint(folder / "model.safetensors");
  engine::load_state_dict(*other, loaded.model, "model.safetensors");
  model->eval();
  other->eval();
  EXPECT_TRUE(at::equal(model->encode_images(pictures(2)), other->encode_images(pictures(2))));
  EXPECT_TRUE(at::equal(model->encode_texts(texts()), other->encode_texts(texts())));
}

}  // namespace
}  // namespace pcnet::model
