#include "pcnet/model/conditional_referring_module.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/gradients.h"
#include "support/stage.h"

namespace pcnet::model {
namespace {

using support::every;
using support::kStageWidth;
using support::lively_stage;
using support::stage_inputs;
using support::StageInputs;
using support::train;
using Options = config::ReferringOptions;

TEST(WithWholeBatch, PutsTheSamplesOfAllPicturesBeforeThePicturesOwnPartners) {
  // Row l of picture i is 10 i + l.
  const at::Tensor own = torch::tensor({{{0}, {1}, {2}}, {{10}, {11}, {12}}});
  EXPECT_TRUE(at::equal(with_whole_batch(own),
                        torch::tensor({{{0}, {10}, {1}, {2}}, {{0}, {10}, {11}, {12}}})));
  EXPECT_TRUE(
      at::equal(with_whole_batch(own.slice(1, 0, 1)), torch::tensor({{{0}, {10}}, {{0}, {10}}})));
}

TEST(ConditionalReferringModule, GivesItsShapesInEveryForm) {
  for (const auto context : every<config::CueContext>()) {
    for (const auto modulation : every<config::Modulation>()) {
      for (const auto& [pictures, partners] : {std::pair{3, 2}, {3, 0}, {1, 0}, {1, 1}}) {
        ConditionalReferringModule stage =
            lively_stage({.context = context, .modulation = modulation});
        const StageInputs in = stage_inputs(pictures, partners);
        const StageOutput out = train(stage, in);
        const std::int64_t scored = pictures + partners;
        EXPECT_EQ(out.visual.sizes(), in.visual.sizes());
        EXPECT_EQ(
            out.texts.sizes(),
            (at::IntArrayRef{pictures, context == config::CueContext::kPair ? scored : 1 + partners,
                             kStageWidth}));
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
  const StageInputs in = stage_inputs(2, 1);
  ConditionalReferringModule add = lively_stage({.modulation = "add", .cue_scale = 0.5});
  EXPECT_TRUE(at::allclose(train(add, in).texts, in.texts + 0.5 * in.cues));
  const auto attention = [](ConditionalReferringModule& stage, const char* name) {
    return CrossAttention(
        std::dynamic_pointer_cast<CrossAttentionImpl>(stage->named_children()[name]));
  };
  ConditionalReferringModule vta_add = lively_stage({.modulation = "vta_add"});
  CrossAttention vision = attention(vta_add, "vision_to_text");
  const at::Tensor attended =
      in.cues + 0.1 * vision->vision_to_text(in.cues, vision->look_at(in.visual));
  EXPECT_TRUE(at::allclose(train(vta_add, in).texts, in.texts + attended));
  ConditionalReferringModule tta = lively_stage({.modulation = "tta"});
  CrossAttention texts = attention(tta, "text_to_text");
  EXPECT_TRUE(at::allclose(tta->respond(in.visual, in.texts, in.cues).texts,
                           in.texts + 0.1 * texts->one_text(in.cues)));
}

TEST(ConditionalReferringModule, AddsInItsFifthStrategyWhatTwoOthersAdd) {
  const StageInputs in = stage_inputs(3, 1);
  for (const auto context : every<config::CueContext>()) {
    Options options{.context = context, .modulation = "vta_tta"};
    ConditionalReferringModule attended = lively_stage(options);
    options.modulation = "vta_tta_add";
    ConditionalReferringModule both = lively_stage(options);
    options.modulation = "vta_add";
    ConditionalReferringModule cue = lively_stage(options);
    for (const auto& item : cue->named_parameters()) {
      const torch::NoGradGuard no_grad;
      item.value().copy_(both->named_parameters()[item.key()]);
    }
    const at::Tensor before =
        context == config::CueContext::kPair ? with_whole_batch(in.texts) : in.texts;
    EXPECT_TRUE(at::allclose(train(both, in).texts,
                             train(attended, in).texts + train(cue, in).texts - before))
        << context.word();
  }
}

TEST(ConditionalReferringModule, GivesEveryParameterAGradient) {
  for (const auto projections : every<config::Projections>()) {
    for (const auto context : every<config::CueContext>()) {
      for (const auto modulation : every<config::Modulation>()) {
        ConditionalReferringModule stage = lively_stage({.context = context,
                                                         .modulation = modulation,
                                                         .train_residual_scale = true,
                                                         .projections = projections,
                                                         .response_text = "vision_updated"});
        const StageOutput out = train(stage, stage_inputs(3, 1, 3));
        (out.similarity.pow(3).sum() + out.visual.pow(3).sum()).backward();
        for (const auto& item : stage->named_parameters()) {
          const std::string& name = item.key();
          ASSERT_TRUE(item->grad().defined())
              << name << " " << context.word() << " " << modulation.word();
          const double most = item->grad().abs().max().item<double>();
          // An instance norm takes away what the convolution's bias adds.
          const bool inert = name.find("v_") != std::string::npos && name.ends_with(".0.bias");
          EXPECT_EQ(most > 1e-10, !inert)
              << name << " " << context.word() << " " << modulation.word();
        }
      }
    }
  }
}

TEST(ConditionalReferringModule, HasTheGradientsOfItsDifferences) {
  for (const auto context : every<config::CueContext>()) {
    ConditionalReferringModule stage =
        lively_stage({.context = context, .residual_scale = 0.5, .train_residual_scale = true});
    const StageInputs in = stage_inputs(2, 1);
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
    EXPECT_LT(support::largest_parameter_fault(*stage, whole), 1e-6) << context.word();
  }
}

TEST(ConditionalReferringModule, ComputesOneSampleAloneAsAtInference) {
  for (const auto context : every<config::CueContext>()) {
    ConditionalReferringModule stage = lively_stage({.context = context});
    const StageInputs in = stage_inputs(1, 0);
    const StageOutput trained = train(stage, in);
    const StageOutput answered = stage->respond(in.visual, in.texts, in.cues);
    EXPECT_TRUE(at::allclose(trained.similarity, answered.similarity)) << context.word();
    EXPECT_TRUE(at::allclose(trained.visual, answered.visual)) << context.word();
  }
}

TEST(ConditionalReferringModule, ComputesThePairFormInTrainingAsAtInference) {
  ConditionalReferringModule stage =
      lively_stage({.context = "pair", .visual_update = "off", .response_text = "vision_updated"});
  const StageInputs in = stage_inputs(3, 2);
  const at::Tensor texts = with_whole_batch(in.texts);
  const at::Tensor cues = with_whole_batch(in.cues);
  EXPECT_TRUE(at::equal(stage->forward(in.visual, texts, cues).similarity,
                        stage->respond(in.visual, texts, cues).similarity));
}

TEST(ConditionalReferringModule, SeesTheCuesOfABatchOfOnePictureAlikeOnAnyOfThem) {
  ConditionalReferringModule batch = lively_stage({.context = "batch"});
  ConditionalReferringModule shared = lively_stage({.context = "shared"});
  StageInputs in = stage_inputs(3, 2);
  EXPECT_FALSE(at::allclose(train(batch, in).texts, train(shared, in).texts));
  in.visual = in.visual.slice(0, 0, 1).expand_as(in.visual);
  EXPECT_TRUE(at::allclose(train(batch, in).texts, train(shared, in).texts));
  EXPECT_TRUE(at::allclose(train(batch, in).similarity, train(shared, in).similarity));
}

TEST(ConditionalReferringModule, LeavesTheSamplesAloneWhenPartnersCome) {
  for (const auto context : every<config::CueContext>()) {
    ConditionalReferringModule stage = lively_stage({.context = context});
    const StageInputs with = stage_inputs(3, 2);
    const StageInputs without = {with.visual, with.texts.slice(1, 0, 1), with.cues.slice(1, 0, 1)};
    EXPECT_TRUE(at::allclose(train(stage, with).similarity.slice(1, 0, 3),
                             train(stage, without).similarity))
        << context.word();
  }
}

TEST(ConditionalReferringModule, TreatsAPartnerAsIfItWereItsPicturesSample) {
  for (const auto context : every<config::CueContext>()) {
    ConditionalReferringModule stage = lively_stage({.context = context});
    const StageInputs in = stage_inputs(3, 2);
    const at::Tensor texts = train(stage, in).texts;
    const std::int64_t second_partner = context == config::CueContext::kPair ? 3 + 1 : 2;
    for (std::int64_t i = 0; i < 3; ++i) {
      StageInputs swapped = {in.visual, in.texts.clone(), in.cues.clone()};
      swapped.texts[i][0] = in.texts[i][2];
      swapped.cues[i][0] = in.cues[i][2];
      const at::Tensor as_sample =
          train(stage, swapped).texts[i][context == config::CueContext::kPair ? i : 0];
      EXPECT_TRUE(at::allclose(texts[i][second_partner], as_sample)) << context.word() << i;
    }
  }
}

TEST(ConditionalReferringModule, AnswersEachTextAsIfItWereAlone) {
  ConditionalReferringModule stage = lively_stage({.response_text = "vision_updated"});
  const StageInputs in = stage_inputs(2, 2);
  const StageOutput together = stage->respond(in.visual, in.texts, in.cues);
  for (std::int64_t l = 0; l < 3; ++l) {
    const StageOutput alone =
        stage->respond(in.visual, in.texts.slice(1, l, l + 1), in.cues.slice(1, l, l + 1));
    EXPECT_TRUE(at::allclose(together.similarity.slice(1, l, l + 1), alone.similarity));
    EXPECT_TRUE(at::allclose(together.visual, alone.visual));
  }
}

TEST(ConditionalReferringModule, SharesOneSetOfProjectionsUnderTheReleasedNames) {
  ConditionalReferringModule shared = lively_stage({.projections = "shared"});
  for (const char* name : {"v_proj1.0.weight", "v_proj3.1.bias", "t_proj2.0.weight",
                           "v_output.1.weight", "t_output.0.bias"}) {
    EXPECT_TRUE(shared->named_parameters().contains(name)) << name;
  }
  EXPECT_EQ(shared->named_parameters().size(), 24U);
  ConditionalReferringModule own = lively_stage({});
  EXPECT_TRUE(own->named_parameters().contains("vision_to_text.v_proj2.0.weight"));
  EXPECT_TRUE(own->named_parameters().contains("text_to_text.t_proj3.0.weight"));
  EXPECT_TRUE(own->named_parameters().contains("text_to_vision.v_output.1.bias"));
  // With one set's weights in all three attentions both compute the same.
  const torch::NoGradGuard no_grad;
  for (const auto& item : own->named_parameters()) {
    const std::string bare = item.key().substr(item.key().find('.') + 1);
    item.value().copy_(shared->named_parameters()[bare]);
  }
  const StageInputs in = stage_inputs(2, 1);
  EXPECT_TRUE(at::allclose(train(own, in).similarity, train(shared, in).similarity));
}

TEST(ConditionalReferringModule, FollowsTheTypeOfItsInputs) {
  const StageInputs in = stage_inputs(2, 1);
  for (const auto context : every<config::CueContext>()) {
    ConditionalReferringModule stage = lively_stage({.context = context});
    const at::Tensor wanted = train(stage, in).similarity;
    for (const auto& [type, tolerance] :
         {std::pair{torch::kFloat, 1e-4}, {torch::kBFloat16, 0.1}}) {
      stage->to(type);
      const at::Tensor got =
          train(stage, {in.visual.to(type), in.texts.to(type), in.cues.to(type)}).similarity;
      EXPECT_EQ(got.scalar_type(), type) << context.word();
      EXPECT_TRUE(at::allclose(got.to(torch::kDouble), wanted, 0, tolerance))
          << context.word() << type;
    }
  }
}

TEST(ConditionalReferringModule, ReadsChannelsLastMemory) {
  ConditionalReferringModule stage = lively_stage({.response_text = "vision_updated"});
  const StageInputs in = stage_inputs(2, 1, 3);
  const at::Tensor wanted = train(stage, in).similarity;
  const torch::NoGradGuard no_grad;
  for (auto& parameter : stage->parameters()) {
    if (parameter.dim() != 4) continue;
    parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
  const StageInputs last = {in.visual.contiguous(at::MemoryFormat::ChannelsLast), in.texts,
                            in.cues};
  EXPECT_TRUE(at::allclose(train(stage, last).similarity, wanted));
}

TEST(ConditionalReferringModule, KeepsEqualTextsEqual) {
  for (const auto context : every<config::CueContext>()) {
    ConditionalReferringModule stage = lively_stage({.context = context});
    StageInputs in = stage_inputs(3, 1);
    in.texts.copy_(in.texts[0][0].expand_as(in.texts));
    in.cues.copy_(in.cues[0][0].expand_as(in.cues));
    const at::Tensor maps = stage->respond(in.visual, in.texts, in.cues).similarity;
    EXPECT_TRUE(at::allclose(maps.select(1, 0), maps.select(1, 1))) << context.word();
    EXPECT_TRUE(train(stage, in).similarity.isfinite().all().item<bool>()) << context.word();
  }
}

}  // namespace
}  // namespace pcnet::model
