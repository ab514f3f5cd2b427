#include <functional>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/model/conditional_referring_module.h"

#include "support/stage.h"

namespace pcnet::model {
namespace {

using support::kStageWidth;
using support::lively_stage;
using support::stage_inputs;
using support::StageInputs;
using support::train;
using Options = config::ReferringOptions;

using Change = std::function<void(Options&)>;

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
      {"partner_context", [](Options& o) { o.partner_context = true; }, true, false},
      {"context_keys",
       [](Options& o) {
         o.context = "shared";
         o.partner_context = true;
         o.context_keys = "reshaped";
       },
       true, false},
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
  ConditionalReferringModule paper = lively_stage({});
  const StageInputs in = stage_inputs(3, 1, 3);
  for (const Switch& one : switches()) {
    Options options;
    one.change(options);
    ConditionalReferringModule other = lively_stage(options);
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

/// Partners among the contexts of `shared` and among what the cells look at: in all the stage does
/// what it would do had every text its own picture and none a partner.
TEST(ConditionalReferringModule, LooksAtPartnersAsAtSamples) {
  for (const config::Choice<config::CueContext> context :
       {config::CueContext::kShared, config::CueContext::kBatch}) {
    ConditionalReferringModule stage = lively_stage({.context = context, .partner_context = true});
    ConditionalReferringModule plain = lively_stage({.context = context});
    const StageInputs in = stage_inputs(2, 1);
    // One picture a text, in the order of all_texts().
    const StageInputs apart = {in.visual.repeat({2, 1, 1, 1}), all_texts(in.texts).unsqueeze(1),
                               all_texts(in.cues).unsqueeze(1)};
    const StageOutput got = train(stage, in);
    const StageOutput wanted = train(plain, apart);
    EXPECT_TRUE(at::allclose(all_texts(got.texts), wanted.texts.squeeze(1))) << context.word();
    EXPECT_TRUE(at::allclose(got.visual, wanted.visual.slice(0, 0, 2))) << context.word();
    EXPECT_TRUE(at::allclose(got.similarity.slice(1, 0, 2),
                             wanted.similarity.slice(0, 0, 2).slice(1, 0, 2)))
        << context.word();
    for (std::int64_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(at::allclose(got.similarity[i][2], wanted.similarity[i][2 + i]))
          << context.word();
    }
  }
}

TEST(ConditionalReferringModule, BringsItsInputsBackToUnitLengthWhenAsked) {
  ConditionalReferringModule plain = lively_stage({});
  ConditionalReferringModule unit = lively_stage({.unit_inputs = true});
  const StageInputs in = stage_inputs(2, 1);
  const StageInputs longer = {3 * in.visual, 2 * in.texts, in.cues};
  EXPECT_TRUE(at::allclose(train(unit, in).similarity, train(unit, longer).similarity));
  EXPECT_FALSE(at::allclose(train(plain, in).similarity, train(plain, longer).similarity));
  EXPECT_TRUE(at::allclose(train(unit, in).texts.norm(2, -1), at::ones({2, 2}, torch::kDouble)));
}

TEST(ConditionalReferringModule, StartsAGateAtZeroAndTrainsIt) {
  torch::manual_seed(1);  // some weights leave no ReLU of the visual update above 0
  ConditionalReferringModule stage(kStageWidth, Options{.visual_update = "gated"});
  stage->to(torch::kDouble);
  const StageInputs in = stage_inputs(2, 0);
  const StageOutput out = train(stage, in);
  EXPECT_TRUE(at::equal(out.visual, in.visual));
  out.similarity.pow(3).sum().backward();
  EXPECT_GT(stage->named_parameters()["visual_gate"].grad().abs().item<double>(), 0);
}

TEST(ConditionalReferringModule, HasAScaleToTrainOnlyWhenAsked) {
  ConditionalReferringModule fixed = lively_stage({});
  EXPECT_FALSE(fixed->named_parameters().contains("residual_scale"));
  ConditionalReferringModule trained(kStageWidth,
                                     Options{.residual_scale = 0.3, .train_residual_scale = true});
  EXPECT_FLOAT_EQ(trained->named_parameters()["residual_scale"].item<float>(), 0.3F);
  trained->to(torch::kDouble);
  ConditionalReferringModule same(kStageWidth, Options{.residual_scale = 0.3});
  same->to(torch::kDouble);
  copy_attentions(same, trained);
  const StageInputs in = stage_inputs(2, 1);
  EXPECT_TRUE(at::allclose(train(trained, in).similarity, train(same, in).similarity, 1e-6, 1e-7));
}

}  // namespace
}  // namespace pcnet::model
