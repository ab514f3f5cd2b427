#include "pcnet/model/conditional_referring_module.h"

#include <functional>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/allocations.h"
#include "support/gradients.h"
#include "support/lively.h"

namespace pcnet::model {
namespace {

using Options = config::ReferringOptions;
using Change = std::function<void(Options&)>;

constexpr std::int64_t kWidth = 4;
const std::vector<std::string> kContexts = {"batch", "shared", "own", "pair"};
const std::vector<std::string> kModulations = {"add", "tta", "vta_add", "vta_tta", "vta_tta_add"};

ConditionalReferringModule lively(const Options& options, std::int64_t width = kWidth) {
  torch::manual_seed(1);
  ConditionalReferringModule stage(width, options);
  stage->to(torch::kDouble);
  support::make_lively(*stage, 2);
  return stage;
}

/// B pictures with a sample and D partners each.
struct Inputs {
  at::Tensor visual;
  at::Tensor texts;
  at::Tensor cues;
};

Inputs inputs(std::int64_t pictures, std::int64_t partners, std::int64_t side = 2,
              std::int64_t width = kWidth) {
  return {support::unit_features({pictures, width, side, side}, 1, 3),
          support::unit_features({pictures, 1 + partners, width}, -1, 4),
          support::unit_features({pictures, 1 + partners, width}, -1, 5)};
}

StageOutput train(ConditionalReferringModule& stage, const Inputs& in) {
  if (stage->options.context != "pair") return stage->forward(in.visual, in.texts, in.cues);
  return stage->forward(in.visual, with_whole_batch(in.texts), with_whole_batch(in.cues));
}

TEST(WithWholeBatch, PutsTheSamplesOfAllPicturesBeforeThePicturesOwnPartners) {
  // Row l of picture i is 10 i + l.
  const at::Tensor own = torch::tensor({{{0}, {1}, {2}}, {{10}, {11}, {12}}});
  EXPECT_TRUE(at::equal(with_whole_batch(own),
                        torch::tensor({{{0}, {10}, {1}, {2}}, {{0}, {10}, {11}, {12}}})));
  EXPECT_TRUE(
      at::equal(with_whole_batch(own.slice(1, 0, 1)), torch::tensor({{{0}, {10}}, {{0}, {10}}})));
}

TEST(ConditionalReferringModule, GivesItsShapesInEveryForm) {
  for (const auto& context : kContexts) {
    for (const auto& modulation : kModulations) {
      for (const auto& [pictures, partners] : {std::pair{3, 2}, {3, 0}, {1, 0}, {1, 1}}) {
        ConditionalReferringModule stage = lively({.context = context, .modulation = modulation});
        const Inputs in = inputs(pictures, partners);
        const StageOutput out = train(stage, in);
        const std::int64_t scored = pictures + partners;
        EXPECT_EQ(out.visual.sizes(), in.visual.sizes());
        EXPECT_EQ(out.texts.sizes(),
                  (at::IntArrayRef{pictures, context == "pair" ? scored : 1 + partners, kWidth}));
        EXPECT_EQ(out.similarity.sizes(), (at::IntArrayRef{pictures, scored, 2, 2}));
        EXPECT_LE(out.similarity.abs().max().item<double>(), 1 + 1e-9);
        const StageOutput alone = stage->respond(in.visual, in.texts, in.cues);
        EXPECT_EQ(alone.texts.sizes(), in.texts.sizes());
        EXPECT_EQ(alone.similarity.sizes(), (at::IntArrayRef{pictures, 1 + partners, 2, 2}));
        EXPECT_TRUE(alone.similarity.isfinite().all().item<bool>());
      }
    }
  }
}

TEST(ConditionalReferringModule, AddsCuesAsTheStrategiesSay) {
  const Inputs in = inputs(2, 1);
  ConditionalReferringModule add = lively({.modulation = "add", .cue_scale = 0.5});
  EXPECT_TRUE(at::allclose(train(add, in).texts, in.texts + 0.5 * in.cues));
  const auto attention = [](ConditionalReferringModule& stage, const char* name) {
    return CrossAttention(
        std::dynamic_pointer_cast<CrossAttentionImpl>(stage->named_children()[name]));
  };
  ConditionalReferringModule vta_add = lively({.modulation = "vta_add"});
  CrossAttention vision = attention(vta_add, "vision_to_text");
  const at::Tensor attended =
      in.cues + 0.1 * vision->vision_to_text(in.cues, vision->look_at(in.visual));
  EXPECT_TRUE(at::allclose(train(vta_add, in).texts, in.texts + attended));
  ConditionalReferringModule tta = lively({.modulation = "tta"});
  CrossAttention texts = attention(tta, "text_to_text");
  EXPECT_TRUE(at::allclose(tta->respond(in.visual, in.texts, in.cues).texts,
                           in.texts + 0.1 * texts->one_text(in.cues)));
}

TEST(ConditionalReferringModule, AddsInItsFifthStrategyWhatTwoOthersAdd) {
  const Inputs in = inputs(3, 1);
  for (const auto& context : kContexts) {
    Options options{.context = context, .modulation = "vta_tta"};
    ConditionalReferringModule attended = lively(options);
    options.modulation = "vta_tta_add";
    ConditionalReferringModule both = lively(options);
    options.modulation = "vta_add";
    ConditionalReferringModule cue = lively(options);
    for (const auto& item : cue->named_parameters()) {
      const torch::NoGradGuard no_grad;
      item.value().copy_(both->named_parameters()[item.key()]);
    }
    const at::Tensor before = context == "pair" ? with_whole_batch(in.texts) : in.texts;
    EXPECT_TRUE(at::allclose(train(both, in).texts,
                             train(attended, in).texts + train(cue, in).texts - before))
        << context;
  }
}

TEST(ConditionalReferringModule, GivesEveryParameterAGradient) {
  for (const auto& projections : {"per_attention", "shared"}) {
    for (const auto& context : kContexts) {
      for (const auto& modulation : kModulations) {
        ConditionalReferringModule stage = lively({.context = context,
                                                   .modulation = modulation,
                                                   .train_residual_scale = true,
                                                   .projections = projections,
                                                   .response_text = "vision_updated"});
        const StageOutput out = train(stage, inputs(3, 1, 3));
        (out.similarity.pow(3).sum() + out.visual.pow(3).sum()).backward();
        for (const auto& item : stage->named_parameters()) {
          const std::string& name = item.key();
          ASSERT_TRUE(item->grad().defined()) << name << " " << context << " " << modulation;
          const double most = item->grad().abs().max().item<double>();
          // An instance norm takes away what the convolution's bias adds.
          const bool inert = name.find("v_") != std::string::npos && name.ends_with(".0.bias");
          EXPECT_EQ(most > 1e-10, !inert) << name << " " << context << " " << modulation;
        }
      }
    }
  }
}

TEST(ConditionalReferringModule, HasTheGradientsOfItsDifferences) {
  for (const auto& context : kContexts) {
    ConditionalReferringModule stage =
        lively({.context = context, .residual_scale = 0.5, .train_residual_scale = true});
    const Inputs in = inputs(2, 1);
    const auto value = [&](const at::Tensor& visual, const at::Tensor& texts,
                           const at::Tensor& cues) {
      const StageOutput out = train(stage, {visual, texts, cues});
      return (3 * out.similarity).sin().sum() + out.texts.pow(3).sum() + out.visual.pow(3).sum();
    };
    const auto fault = [&](const auto& of, const at::Tensor& x) {
      return support::largest_gradient_fault(of, x);
    };
    EXPECT_LT(fault([&](const at::Tensor& x) { return value(x, in.texts, in.cues); }, in.visual),
              1e-6);
    EXPECT_LT(fault([&](const at::Tensor& x) { return value(in.visual, x, in.cues); }, in.texts),
              1e-6);
    EXPECT_LT(fault([&](const at::Tensor& x) { return value(in.visual, in.texts, x); }, in.cues),
              1e-6);
    const auto whole = [&] { return value(in.visual, in.texts, in.cues); };
    EXPECT_LT(support::largest_parameter_fault(*stage, whole), 1e-6) << context;
  }
}

TEST(ConditionalReferringModule, ComputesOneSampleAloneAsAtInference) {
  for (const auto& context : kContexts) {
    ConditionalReferringModule stage = lively({.context = context});
    const Inputs in = inputs(1, 0);
    const StageOutput trained = train(stage, in);
    const StageOutput answered = stage->respond(in.visual, in.texts, in.cues);
    EXPECT_TRUE(at::allclose(trained.similarity, answered.similarity)) << context;
    EXPECT_TRUE(at::allclose(trained.visual, answered.visual)) << context;
  }
}

TEST(ConditionalReferringModule, ComputesThePairFormInTrainingAsAtInference) {
  ConditionalReferringModule stage = lively({.context = "pair", .visual_update = "off"});
  const Inputs in = inputs(3, 2);
  const at::Tensor texts = with_whole_batch(in.texts);
  const at::Tensor cues = with_whole_batch(in.cues);
  EXPECT_TRUE(at::equal(stage->forward(in.visual, texts, cues).similarity,
                        stage->respond(in.visual, texts, cues).similarity));
}

TEST(ConditionalReferringModule, LeavesTheSamplesAloneWhenPartnersCome) {
  for (const auto& context : kContexts) {
    ConditionalReferringModule stage = lively({.context = context});
    const Inputs with = inputs(3, 2);
    const Inputs without = {with.visual, with.texts.slice(1, 0, 1), with.cues.slice(1, 0, 1)};
    EXPECT_TRUE(at::allclose(train(stage, with).similarity.slice(1, 0, 3),
                             train(stage, without).similarity))
        << context;
  }
}

TEST(ConditionalReferringModule, TreatsAPartnerAsIfItWereItsPicturesSample) {
  for (const auto& context : kContexts) {
    ConditionalReferringModule stage = lively({.context = context});
    const Inputs in = inputs(3, 2);
    const at::Tensor texts = train(stage, in).texts;
    const std::int64_t second_partner = context == "pair" ? 3 + 1 : 2;
    for (std::int64_t i = 0; i < 3; ++i) {
      Inputs swapped = {in.visual, in.texts.clone(), in.cues.clone()};
      swapped.texts[i][0] = in.texts[i][2];
      swapped.cues[i][0] = in.cues[i][2];
      const at::Tensor as_sample = train(stage, swapped).texts[i][context == "pair" ? i : 0];
      EXPECT_TRUE(at::allclose(texts[i][second_partner], as_sample)) << context << i;
    }
  }
}

TEST(ConditionalReferringModule, AnswersEachTextAsIfItWereAlone) {
  ConditionalReferringModule stage = lively({.response_text = "vision_updated"});
  const Inputs in = inputs(2, 2);
  const StageOutput together = stage->respond(in.visual, in.texts, in.cues);
  for (std::int64_t l = 0; l < 3; ++l) {
    const StageOutput alone =
        stage->respond(in.visual, in.texts.slice(1, l, l + 1), in.cues.slice(1, l, l + 1));
    EXPECT_TRUE(at::allclose(together.similarity.slice(1, l, l + 1), alone.similarity));
    EXPECT_TRUE(at::allclose(together.visual, alone.visual));
  }
}

struct Switch {
  const char* name;
  Change change;
  bool in_training;
  bool at_inference;
};

const std::vector<Switch>& switches() {
  static const std::vector<Switch> all = {
      {"context shared", [](Options& o) { o.context = "shared"; }, true, false},
      {"context own", [](Options& o) { o.context = "own"; }, true, false},
      {"context pair", [](Options& o) { o.context = "pair"; }, true, false},
      {"cue_residual", [](Options& o) { o.cue_residual = false; }, true, true},
      {"residual_scale", [](Options& o) { o.residual_scale = 0.3; }, true, true},
      {"scaled_inputs", [](Options& o) { o.scaled_inputs = true; }, true, true},
      {"unit_inputs", [](Options& o) { o.unit_inputs = true; }, true, false},
      {"visual_update off", [](Options& o) { o.visual_update = "off"; }, true, true},
      {"visual_update gated", [](Options& o) { o.visual_update = "gated"; }, true, true},
      {"response_text", [](Options& o) { o.response_text = "vision_updated"; }, true, true},
      {"response", [](Options& o) { o.response = "inner_product"; }, true, true},
  };
  return all;
}

/// Gives `stage` the paper's projections whatever else it has.
void copy_attentions(ConditionalReferringModule& stage, ConditionalReferringModule& from) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : stage->named_parameters()) {
    const at::Tensor* source = from->named_parameters().find(item.key());
    if (source != nullptr) item.value().copy_(*source);
  }
}

TEST(ConditionalReferringModule, ChangesWithEachOption) {
  ConditionalReferringModule paper = lively({});
  const Inputs in = inputs(3, 1, 3);
  for (const Switch& one : switches()) {
    Options options;
    one.change(options);
    ConditionalReferringModule other = lively(options);
    copy_attentions(other, paper);
    EXPECT_EQ(!at::allclose(train(paper, in).similarity, train(other, in).similarity, 1e-3, 1e-4),
              one.in_training)
        << one.name;
    EXPECT_EQ(!at::allclose(paper->respond(in.visual, in.texts, in.cues).similarity,
                            other->respond(in.visual, in.texts, in.cues).similarity, 1e-3, 1e-4),
              one.at_inference)
        << one.name;
  }
}

TEST(ConditionalReferringModule, BringsItsInputsBackToUnitLengthWhenAsked) {
  ConditionalReferringModule plain = lively({});
  ConditionalReferringModule unit = lively({.unit_inputs = true});
  const Inputs in = inputs(2, 1);
  const Inputs longer = {3 * in.visual, 2 * in.texts, in.cues};
  EXPECT_TRUE(at::allclose(train(unit, in).similarity, train(unit, longer).similarity));
  EXPECT_FALSE(at::allclose(train(plain, in).similarity, train(plain, longer).similarity));
  EXPECT_TRUE(at::allclose(train(unit, in).texts.norm(2, -1), at::ones({2, 2}, torch::kDouble)));
}

TEST(ConditionalReferringModule, StartsAGateAtZeroAndTrainsIt) {
  ConditionalReferringModule stage(kWidth, Options{.visual_update = "gated"});
  stage->to(torch::kDouble);
  const Inputs in = inputs(2, 0);
  const StageOutput out = train(stage, in);
  EXPECT_TRUE(at::equal(out.visual, in.visual));
  out.similarity.pow(3).sum().backward();
  EXPECT_GT(stage->named_parameters()["visual_gate"].grad().abs().item<double>(), 0);
}

TEST(ConditionalReferringModule, HasAScaleToTrainOnlyWhenAsked) {
  ConditionalReferringModule fixed = lively({});
  EXPECT_FALSE(fixed->named_parameters().contains("residual_scale"));
  ConditionalReferringModule trained(kWidth,
                                     Options{.residual_scale = 0.3, .train_residual_scale = true});
  EXPECT_FLOAT_EQ(trained->named_parameters()["residual_scale"].item<float>(), 0.3F);
  trained->to(torch::kDouble);
  ConditionalReferringModule same(kWidth, Options{.residual_scale = 0.3});
  same->to(torch::kDouble);
  copy_attentions(same, trained);
  const Inputs in = inputs(2, 1);
  EXPECT_TRUE(at::allclose(train(trained, in).similarity, train(same, in).similarity, 1e-6, 1e-7));
}

TEST(ConditionalReferringModule, SharesOneSetOfProjectionsUnderTheReleasedNames) {
  ConditionalReferringModule shared = lively({.projections = "shared"});
  for (const char* name : {"v_proj1.0.weight", "v_proj3.1.bias", "t_proj2.0.weight",
                           "v_output.1.weight", "t_output.0.bias"}) {
    EXPECT_TRUE(shared->named_parameters().contains(name)) << name;
  }
  EXPECT_EQ(shared->named_parameters().size(), 24U);
  ConditionalReferringModule own = lively({});
  EXPECT_TRUE(own->named_parameters().contains("vision_to_text.v_proj2.0.weight"));
  EXPECT_TRUE(own->named_parameters().contains("text_to_text.t_proj3.0.weight"));
  EXPECT_TRUE(own->named_parameters().contains("text_to_vision.v_output.1.bias"));
  // With one set's weights in all three attentions both compute the same.
  const torch::NoGradGuard no_grad;
  for (const auto& item : own->named_parameters()) {
    const std::string bare = item.key().substr(item.key().find('.') + 1);
    item.value().copy_(shared->named_parameters()[bare]);
  }
  const Inputs in = inputs(2, 1);
  EXPECT_TRUE(at::allclose(train(own, in).similarity, train(shared, in).similarity));
}

TEST(ConditionalReferringModule, FollowsItsInputsToSinglePrecision) {
  ConditionalReferringModule stage = lively({});
  const Inputs in = inputs(2, 1);
  const at::Tensor wanted = train(stage, in).similarity;
  stage->to(torch::kFloat);
  const Inputs single = {in.visual.to(torch::kFloat), in.texts.to(torch::kFloat),
                         in.cues.to(torch::kFloat)};
  const at::Tensor got = train(stage, single).similarity;
  EXPECT_EQ(got.scalar_type(), torch::kFloat);
  EXPECT_TRUE(at::allclose(got.to(torch::kDouble), wanted, 1e-3, 1e-4));
}

TEST(ConditionalReferringModule, KeepsEqualTextsEqual) {
  for (const auto& context : kContexts) {
    ConditionalReferringModule stage = lively({.context = context});
    Inputs in = inputs(3, 1);
    in.texts.copy_(in.texts[0][0].expand_as(in.texts));
    in.cues.copy_(in.cues[0][0].expand_as(in.cues));
    const at::Tensor maps = stage->respond(in.visual, in.texts, in.cues).similarity;
    EXPECT_TRUE(at::allclose(maps.select(1, 0), maps.select(1, 1))) << context;
    EXPECT_TRUE(train(stage, in).similarity.isfinite().all().item<bool>()) << context;
  }
}

// The formula of the class: no allocation is larger than a feature map of the pictures or the
// vectors and maps of the texts, and what is held at once is a few of them.
TEST(ConditionalReferringModule, TakesTheMemoryThatItSays) {
  constexpr std::int64_t kPictures = 6, kPartners = 2, kSide = 12, kChannels = 16;
  const torch::NoGradGuard no_grad;
  const Inputs in = inputs(kPictures, kPartners, kSide, kChannels);
  const std::int64_t number = sizeof(double);
  const std::int64_t features = kPictures * kChannels * kSide * kSide * number;
  const std::int64_t texts = kPictures * (kPictures + kPartners) * number;
  const std::int64_t rows = texts * (kChannels + kSide * kSide);  // vectors and maps
  for (const auto& context : kContexts) {
    ConditionalReferringModule stage = lively({.context = context}, kChannels);
    const support::AllocationWatch watch;
    train(stage, in);
    EXPECT_GE(watch.largest(), features) << context;  // the watch sees what it should
    EXPECT_LE(watch.largest(), std::max(features, rows)) << context;
    EXPECT_LE(watch.peak(), 6 * features + 6 * rows) << context;
  }
}

TEST(ConditionalReferringModule, CopiesNoPictureForItsTexts) {
  constexpr std::int64_t kSide = 12, kChannels = 16, kMore = 8;
  const torch::NoGradGuard no_grad;
  ConditionalReferringModule stage = lively({}, kChannels);
  const auto peak = [&](std::int64_t texts) {
    const Inputs in = inputs(1, texts - 1, kSide, kChannels);
    const support::AllocationWatch watch;
    stage->respond(in.visual, in.texts, in.cues);
    return watch.peak();
  };
  const std::int64_t features =
      kChannels * kSide * kSide * static_cast<std::int64_t>(sizeof(double));
  EXPECT_LT(peak(1 + kMore) - peak(1), kMore * features / 2);
}

}  // namespace
}  // namespace pcnet::model
