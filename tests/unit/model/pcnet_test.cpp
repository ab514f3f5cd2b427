#include "pcnet/model/pcnet.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/losses/proposal_scores.h"
#include "pcnet/model/response_map.h"

#include "support/allocations.h"
#include "support/lively.h"
#include "support/temporary_folder.h"
#include "support/tiny.h"

namespace pcnet::model {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Options = config::ReferringOptions;

constexpr std::int64_t kVocabulary = 9;
constexpr std::array kReferringProfiles = {config::Profile::kPaper, config::Profile::kReleased,
                                           config::Profile::kImproved};

config::ModelOptions with(const Options& referring, std::int64_t stages = 3) {
  config::ModelOptions options = support::tiny_model();
  options.referring = referring;
  options.stages = stages;
  return options;
}

PCNet lively(const config::ModelOptions& options, std::uint64_t seed = 1) {
  torch::manual_seed(seed);
  PCNet model(options, kVocabulary);
  support::make_lively(*model, seed + 1);
  return model;
}

at::Tensor pictures(std::int64_t count) {
  torch::manual_seed(9);
  return torch::randint(0, 256, {count, 3, 64, 64}, torch::kByte);
}

/// Distinct texts.
const at::Tensor& tokens() {
  static const at::Tensor ids = torch::tensor({{7, 1, 2, 8, 0},
                                               {7, 3, 8, 0, 0},
                                               {7, 4, 4, 5, 8},
                                               {7, 2, 8, 0, 0},
                                               {7, 6, 1, 8, 0},
                                               {7, 5, 3, 2, 8}},
                                              torch::kInt64);
  return ids;
}

const at::Tensor& sentences() {  // [B, 1 + D]
  static const at::Tensor index = torch::tensor({{0, 1}, {2, 4}, {5, 3}}, torch::kInt64);
  return index;
}

const at::Tensor& cue_index() {  // [B, 1 + D, K]
  static const at::Tensor index = torch::tensor(
      {{{1, 2, 3}, {4, 5, 0}}, {{3, 1, 4}, {2, 2, 0}}, {{0, 4, 2}, {5, 1, 3}}}, torch::kInt64);
  return index;
}

/// The same expressions in a row, [M] and [M, K], each with its picture.
at::Tensor in_a_row(const at::Tensor& index) { return index.flatten(0, 1); }
at::Tensor picture_of() { return torch::tensor({0, 0, 1, 1, 2, 2}, torch::kInt64); }

class PCNetAnswers : public testing::Test {
 protected:
  /// Logits [N, M, h, w] of all expressions.
  at::Tensor answers(PCNet& model) {
    const torch::NoGradGuard no_grad;
    model->eval();
    const at::Tensor distinct = model->encode_texts(tokens());
    return model->respond(
        model->encode_images(pictures(3)),
        gather_expressions(distinct, in_a_row(sentences()), in_a_row(cue_index())), picture_of());
  }
  std::vector<StageLogits> trained(PCNet& model, std::int64_t partners = 1) {
    const Expressions all =
        gather_expressions(model->encode_texts(tokens()), sentences(), cue_index());
    return model->forward(model->encode_images(pictures(3)), {all.texts.slice(1, 0, 1 + partners),
                                                              all.cues.slice(1, 0, 1 + partners)});
  }
};

TEST_F(PCNetAnswers, AreTheSameOfPicturesThatWereLookedAtBeforeEachAlone) {
  for (const config::Choice<config::Profile> profile : kReferringProfiles) {
    for (const bool looks_again : {false, true}) {
      config::ModelOptions options = support::tiny_model(profile);
      if (looks_again) options.referring.response_text = "vision_updated";
      PCNet model = lively(options);
      const at::Tensor wanted = answers(model);
      const torch::NoGradGuard no_grad;
      const at::Tensor visual = model->encode_images(pictures(3));
      std::vector<Seen> alone;
      for (std::int64_t i = 0; i < 3; ++i) alone.push_back(model->look(visual.slice(0, i, i + 1)));
      Seen together;
      for (std::size_t part = 0; part < alone[0].size(); ++part) {
        together.push_back(at::cat({alone[0][part], alone[1][part], alone[2][part]}));
      }
      const Expressions asked = gather_expressions(model->encode_texts(tokens()),
                                                   in_a_row(sentences()), in_a_row(cue_index()));
      EXPECT_TRUE(at::allclose(model->respond(together, asked, picture_of()), wanted, 1e-5, 1e-5))
          << profile.word() << looks_again;
      together.pop_back();
      EXPECT_THROW(model->respond(together, asked, picture_of()), core::Error);
      EXPECT_THROW(model->respond(Seen(), asked, picture_of()), core::Error);
    }
  }
}

TEST(GatherExpressions, PicksRowsByAnyShapeOfIndex) {
  const at::Tensor distinct = torch::tensor({{0.0, 0.5}, {1.0, 1.5}, {2.0, 2.5}});
  const Expressions picked = gather_expressions(distinct, torch::tensor({{2, 0}}, torch::kInt64),
                                                torch::tensor({{{1}, {1}}}, torch::kInt64));
  EXPECT_TRUE(at::equal(picked.texts, torch::tensor({{{2.0, 2.5}, {0.0, 0.5}}})));
  EXPECT_TRUE(at::equal(picked.cues, torch::tensor({{{{1.0, 1.5}}, {{1.0, 1.5}}}})));
}

TEST_F(PCNetAnswers, HaveTheirShapes) {
  PCNet model = lively(with({}, 2));
  EXPECT_EQ(model->encode_images(pictures(3)).sizes(), (at::IntArrayRef{3, 6, 4, 4}));
  EXPECT_EQ(model->encode_texts(tokens()).sizes(), (at::IntArrayRef{6, 6}));
  for (const std::int64_t partners : {0, 1}) {
    const auto stages = trained(model, partners);
    ASSERT_EQ(stages.size(), 2U);
    for (const StageLogits& stage : stages) {
      EXPECT_EQ(stage.samples.sizes(), (at::IntArrayRef{3, 3, 4, 4}));
      EXPECT_EQ(stage.partners.sizes(), (at::IntArrayRef{3, partners, 4, 4}));
    }
  }
  EXPECT_EQ(answers(model).sizes(), (at::IntArrayRef{2, 6, 4, 4}));
}

TEST_F(PCNetAnswers, AreCosinesTimesTheScale) {
  PCNet model = lively(support::tiny_model());
  EXPECT_NEAR(model->scale().item<double>(), 1 / 0.07, 1e-4);
  const double most = answers(model).abs().max().item<double>();
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 1 / 0.07 + 1e-3);
}

TEST_F(PCNetAnswers, AreTheSameOneByOne) {
  for (const config::Choice<config::Profile> profile : kReferringProfiles) {
    PCNet model = lively(support::tiny_model(profile));
    const at::Tensor together = answers(model);
    const torch::NoGradGuard no_grad;
    for (std::int64_t m = 0; m < 6; ++m) {
      const std::int64_t picture = m / 2;
      const at::Tensor distinct = model->encode_texts(tokens());
      const at::Tensor alone =
          model->respond(model->encode_images(pictures(3).slice(0, picture, picture + 1)),
                         gather_expressions(distinct, in_a_row(sentences()).slice(0, m, m + 1),
                                            in_a_row(cue_index()).slice(0, m, m + 1)),
                         torch::zeros({1}, torch::kInt64));
      EXPECT_TRUE(at::allclose(together.slice(1, m, m + 1) / model->scale(), alone / model->scale(),
                               1e-5, 1e-5))
          << profile.word() << m;
    }
  }
}

TEST_F(PCNetAnswers, DoNotDependOnTheOrderOfTheTexts) {
  PCNet model = lively(support::tiny_model());
  const at::Tensor in_order = answers(model);
  const torch::NoGradGuard no_grad;
  const at::Tensor order = torch::tensor({3, 0, 5, 2}, torch::kInt64);  // two pictures share none
  const at::Tensor shuffled =
      model->respond(model->encode_images(pictures(3)),
                     gather_expressions(model->encode_texts(tokens()),
                                        in_a_row(sentences()).index_select(0, order),
                                        in_a_row(cue_index()).index_select(0, order)),
                     picture_of().index_select(0, order));
  EXPECT_TRUE(at::allclose(shuffled, in_order.index_select(1, order), 1e-4, 1e-4));
}

TEST_F(PCNetAnswers, EncodeAPictureOnceForAllItsTexts) {
  const torch::NoGradGuard no_grad;
  PCNet model = lively(support::tiny_model());
  model->eval();
  const at::Tensor visual = torch::rand({1, 6, 16, 16});
  const auto largest = [&](std::int64_t texts) {
    const Expressions asked = {torch::rand({texts, 6}), torch::rand({texts, 3, 6})};
    const at::Tensor picture = torch::zeros({texts}, torch::kInt64);
    const support::AllocationWatch watch;
    model->respond(visual, asked, picture);
    return watch.largest();
  };
  const auto number = static_cast<std::int64_t>(sizeof(float));
  EXPECT_EQ(largest(1), 6 * 16 * 16 * number);
  // All stages' maps of the texts are the largest: 3 of 16 x 16 cells each, and no features.
  EXPECT_EQ(largest(20), 20 * 3 * 16 * 16 * number);
}

TEST_F(PCNetAnswers, AreEqualForEqualTexts) {
  PCNet model = lively(support::tiny_model());
  const torch::NoGradGuard no_grad;
  model->eval();
  const at::Tensor maps = model->respond(
      model->encode_images(pictures(1)),
      gather_expressions(model->encode_texts(tokens()), torch::tensor({2, 2}, torch::kInt64),
                         torch::tensor({{0, 1, 3}, {0, 1, 3}}, torch::kInt64)),
      torch::zeros({2}, torch::kInt64));
  EXPECT_TRUE(at::allclose(maps.select(1, 0), maps.select(1, 1), 1e-6, 1e-6));
}

TEST_F(PCNetAnswers, MayBeNowherePositive) {
  PCNet model = lively(support::tiny_model());
  const at::Tensor negative = -answers(model).abs() - 1;
  const at::Tensor map = losses::normalised_response(
      resize_to_picture(response(negative[2]), 5, 7, true), /*detach_maximum=*/true);
  EXPECT_TRUE(at::equal(map, torch::zeros({6, 5, 7})));
}

TEST_F(PCNetAnswers, TrainOnOnePicture) {
  for (const config::Choice<config::Profile> profile : kReferringProfiles) {
    PCNet model = lively(support::tiny_model(profile));
    model->train();
    const auto stages =
        model->forward(model->encode_images(pictures(1)),
                       gather_expressions(model->encode_texts(tokens()), sentences().slice(0, 0, 1),
                                          cue_index().slice(0, 0, 1)));
    const at::Tensor sum = stages.back().samples.sum() + stages.back().partners.pow(2).sum();
    sum.backward();
    EXPECT_TRUE(sum.isfinite().item<bool>()) << profile.word();
    for (const auto& item : model->named_parameters()) {
      if (!item->grad().defined()) continue;
      EXPECT_TRUE(item->grad().isfinite().all().item<bool>()) << profile.word() << item.key();
    }
  }
}

TEST_F(PCNetAnswers, GiveEveryParameterOnTheTrainingPathAGradient) {
  PCNet model = lively(support::tiny_model());
  model->train();
  at::Tensor sum = torch::zeros({});
  for (const StageLogits& stage : trained(model)) {
    sum = sum + stage.samples.sin().sum() + stage.partners.sin().sum();
  }
  sum.backward();
  for (const auto& item : model->named_parameters()) {
    const bool used =
        item.key().find("attnpool") == std::string::npos && !item.key().ends_with("logit_scale");
    ASSERT_EQ(item->grad().defined(), used) << item.key();
    // An instance norm takes away what the convolution's bias adds.
    const bool inert = item.key().starts_with("attn_fusion_vl.") &&
                       item.key().find(".v_") != std::string::npos &&
                       item.key().ends_with(".0.bias");
    if (used && !inert) {
      EXPECT_GT(item->grad().abs().max().item<float>(), 0) << item.key();
    }
  }
}

TEST_F(PCNetAnswers, TrainTheLogitScaleWhenAsked) {
  config::ModelOptions options = support::tiny_model();
  options.train_logit_scale = true;
  PCNet model(options, kVocabulary);
  trained(model).back().samples.sum().backward();
  EXPECT_TRUE(model->named_parameters()["logit_scale"].grad().defined());
}

TEST_F(PCNetAnswers, ChangeWithTheOptionsOfTheWholeModel) {
  PCNet paper = lively(with({}, 2));
  PCNet sentence = lively(with({.stage_cue = "sentence_last"}, 2));
  EXPECT_TRUE(at::allclose(answers(paper)[0], answers(sentence)[0]));
  EXPECT_FALSE(at::allclose(answers(paper)[1], answers(sentence)[1], 1e-3, 1e-3));
  PCNet deeper = lively(with({}, 3));
  EXPECT_EQ(answers(deeper).size(0), 3);
}

TEST_F(PCNetAnswers, BeginWithTheFirstCueAndEndWithTheSentenceWhenProgressive) {
  const torch::NoGradGuard no_grad;
  PCNet progressive = lively(with({.stage_cue = "progressive"}, 2));
  PCNet paper = lively(with({}, 2));
  const at::Tensor cues = in_a_row(cue_index());       // [M, K]
  const at::Tensor first = cues.select(/*dim=*/1, 0);  // [M]
  const at::Tensor sentence = in_a_row(sentences());
  paper->eval();
  const auto asked = [&](const at::Tensor& texts, const at::Tensor& each) {
    return paper->respond(paper->encode_images(pictures(3)),
                          gather_expressions(paper->encode_texts(tokens()), texts, each),
                          picture_of());
  };
  // As the paper's order asked for the first cue, with it and the sentence for its cues.
  const at::Tensor wanted = asked(first, at::stack({first, sentence}, /*dim=*/1));
  EXPECT_TRUE(at::allclose(answers(progressive), wanted, 1e-5, 1e-5));
  EXPECT_FALSE(at::allclose(asked(sentence, cues), wanted, 1e-3, 1e-3));
}

TEST_F(PCNetAnswers, AreTheSameAfterSavingAndLoading) {
  const support::TemporaryFolder folder;
  const config::ModelOptions options =
      with({.train_residual_scale = true, .visual_update = "gated"}, 2);
  PCNet model = lively(options);
  model->train();
  trained(model);  // moves the running statistics
  engine::Checkpoint saved;
  saved.model = engine::state_dict(*model);
  engine::save_checkpoint(folder / "model.safetensors", saved);
  PCNet other = lively(options, 5);
  const at::Tensor wanted = answers(model);
  EXPECT_FALSE(at::equal(answers(other), wanted));
  const auto loaded = engine::load_checkpoint(folder / "model.safetensors");
  engine::load_state_dict(*other, loaded.model, "model.safetensors");
  EXPECT_TRUE(at::equal(answers(other), wanted));
}

TEST(PCNet, HasTheNamesOfReleasedCheckpoints) {
  const auto state = engine::state_dict(*lively(support::tiny_model("released")));
  std::size_t fusion = 0;
  for (const auto& [name, tensor] : state) {
    if (name.starts_with("attn_fusion_vl.")) ++fusion;
  }
  EXPECT_EQ(fusion, 4U * 24U);  // four modules, though one stage runs
  for (const char* name :
       {"c4_vis_project.weight", "c4_vis_project.bias", "global_lan_project.weight",
        "global_lan_project.bias", "logit_scale", "backbone.visual.conv1.weight",
        "attn_fusion_vl.0.v_proj1.0.weight", "attn_fusion_vl.3.v_proj3.1.bias",
        "attn_fusion_vl.1.t_proj2.0.weight", "attn_fusion_vl.2.v_output.1.weight",
        "attn_fusion_vl.3.t_output.0.bias"}) {
    EXPECT_TRUE(state.contains(name)) << name;
  }
}

TEST(PCNet, HasOneModuleAStage) {
  const auto names = lively(with({}, 2))->named_modules();
  EXPECT_TRUE(names.contains("attn_fusion_vl.1"));
  EXPECT_FALSE(names.contains("attn_fusion_vl.2"));
}

TEST(PCNet, RefusesOptionsThatDoNotExist) {
  EXPECT_THROW(lively(with({}, 0)), core::ConfigError);
  EXPECT_THROW(lively(with({.modules = 65})), core::ConfigError);
}

TEST(PCNet, RefusesTooFewCuesAndForeignShapes) {
  PCNet model = lively(with({}, 3));
  const at::Tensor visual = torch::rand({2, 6, 2, 2});
  const at::Tensor picture = torch::tensor({0, 1}, torch::kInt64);
  EXPECT_THAT(
      [&] {
        model->respond(visual, {torch::rand({2, 6}), torch::rand({2, 2, 6})}, picture);
      },
      ThrowsMessage<core::Error>(HasSubstr("K at least 3")));
  EXPECT_THROW(model->respond(visual, {torch::rand({2, 6})}, picture), core::Error);
  EXPECT_THROW(model->respond(visual, {torch::rand({2, 5}), torch::rand({2, 3, 5})}, picture),
               core::Error);
  EXPECT_THROW(model->respond(torch::rand({2, 5, 2, 2}),
                              {torch::rand({2, 6}), torch::rand({2, 3, 6})}, picture),
               core::Error);
  EXPECT_THROW(model->forward(visual, {torch::rand({3, 1, 6}), torch::rand({3, 1, 3, 6})}),
               core::Error);
  EXPECT_THROW(model->forward(visual, {torch::rand({2, 6}), torch::rand({2, 3, 6})}), core::Error);
  EXPECT_THROW(model->respond(visual, {torch::rand({2, 1, 6}), torch::rand({2, 1, 3, 6})}, picture),
               core::Error);
  EXPECT_THROW(model->respond(visual, {torch::rand({}), torch::rand({})}, picture), core::Error);
}

TEST(PCNet, NeedsNoCuesWhereTheSentenceIsTheOnlyOne) {
  PCNet model = lively(support::tiny_model("released"));
  const at::Tensor maps = model->respond(torch::rand({2, 6, 2, 2}), {torch::rand({2, 6})},
                                         torch::tensor({0, 1}, torch::kInt64));
  EXPECT_EQ(maps.sizes(), (at::IntArrayRef{1, 2, 2, 2}));
}

}  // namespace
}  // namespace pcnet::model
