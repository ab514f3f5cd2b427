#include <array>
#include <functional>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/engine/checkpoint.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/pcnet.h"

#include "support/lively.h"
#include "support/naive_referring.h"
#include "support/tiny.h"

/// PCNet against the plain loops of support/naive_referring.h, from the encoders' output on.
namespace pcnet::model {
namespace {

namespace naive = support::naive;

constexpr std::int64_t kPictures = 3;
constexpr std::int64_t kPartners = 2;
constexpr std::int64_t kCues = 4;
constexpr std::int64_t kVocabulary = 9;

struct Case {
  PCNet model;
  at::Tensor visual;     ///< V_0
  Expressions asked;     ///< [B, 1 + D, ..]
  at::Tensor grid;       ///< the image encoder's output
  at::Tensor sentences;  ///< the text encoder's, [B, 1 + D, Ct]
  at::Tensor cues;       ///< [B, 1 + D, K, Ct]
  naive::Weights weights;
};

config::ModelOptions with_stages(std::int64_t stages,
                                 config::Profile profile = config::Profile::kPaper) {
  config::ModelOptions options = support::tiny_model(profile);
  options.stages = stages;
  return options;
}

Case make_case(const config::ModelOptions& options, torch::Dtype type) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  PCNet model(options, kVocabulary);
  support::make_lively(*model, 2);
  model->to(type);
  model->eval();
  const at::Tensor images = torch::randint(0, 256, {kPictures, 3, 64, 96}, torch::kByte);
  const at::Tensor tokens = torch::randint(1, kVocabulary, {7, 5}, torch::kInt64);
  const at::Tensor text_index = torch::randint(0, 7, {kPictures, 1 + kPartners}, torch::kInt64);
  const at::Tensor cue_index =
      torch::randint(0, 7, {kPictures, 1 + kPartners, kCues}, torch::kInt64);
  const Expressions features =
      gather_expressions(model->backbone()->encode_text(tokens), text_index, cue_index);
  return {
      model,
      model->encode_images(images),
      gather_expressions(model->encode_texts(tokens), text_index, cue_index),
      model->backbone()->encode_image_grid(image::normalise(images, torch::TensorOptions(type))),
      features.texts,
      features.cues,
      engine::state_dict(*model)};
}

/// Without the places of cells, which are in V_0 (baseline_test.cpp).
/// @param cue_scale of the cue that is added too; 0: none is
config::ModelOptions improved(double cue_scale) {
  config::ModelOptions options = support::tiny_model("improved");
  options.position_channels = false;
  if (cue_scale > 0) options.referring.modulation = "vta_tta_add";
  options.referring.cue_scale = cue_scale;
  return options;
}
constexpr std::array kCueScales = {0.0, 0.3};

using OfOne = std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                       const naive::Weights&, std::int64_t)>;

/// Every expression at inference against the formula for one.
void expect_answers(Case& one, const OfOne& formula, double tolerance) {
  const torch::NoGradGuard no_grad;
  const std::int64_t stages = one.model->options.stages;
  const at::Tensor picture =
      torch::arange(kPictures, torch::kInt64).repeat_interleave(1 + kPartners);
  const at::Tensor maps = one.model->respond(
      one.visual, {one.asked.texts.flatten(0, 1), one.asked.cues.flatten(0, 1)}, picture);
  for (std::int64_t i = 0; i < kPictures; ++i) {
    for (std::int64_t l = 0; l <= kPartners; ++l) {
      const at::Tensor wanted =
          formula(one.grid[i], one.sentences[i][l], one.cues[i][l], one.weights, stages);
      const at::Tensor got = maps.select(1, i * (1 + kPartners) + l).to(torch::kDouble);
      EXPECT_GT(wanted.abs().max().item<double>(), 0.5);
      EXPECT_LT((got - wanted).abs().max().item<double>(), tolerance)
          << stages << " stages, image " << i << ", text " << l;
    }
  }
}

TEST(PCNetFormulas, OfTheReleasedCodeHoldAtInference) {
  for (const std::int64_t stages : {1, 2, 3, 4}) {
    const config::ModelOptions options = with_stages(stages, config::Profile::kReleased);
    Case single = make_case(options, torch::kFloat);
    expect_answers(single, naive::released_scores, 1e-4);
    Case exact = make_case(options, torch::kDouble);
    expect_answers(exact, naive::released_scores, 1e-9);
  }
}

TEST(PCNetFormulas, OfThePaperHoldAtInference) {
  for (const std::int64_t stages : {1, 2, 3, 4}) {
    Case single = make_case(with_stages(stages), torch::kFloat);
    expect_answers(single, naive::paper_logits, 1e-4);
    Case exact = make_case(with_stages(stages), torch::kDouble);
    expect_answers(exact, naive::paper_logits, 1e-9);
  }
}

TEST(PCNetFormulas, OfTheImprovedProfileHoldAtInference) {
  for (const double cue_scale : kCueScales) {
    Case exact = make_case(improved(cue_scale), torch::kDouble);
    const auto formula = [&](const auto&... asked) {
      return naive::improved_logits(asked..., cue_scale);
    };
    expect_answers(exact, formula, 1e-9);
  }
}

/// @param wanted_of all stages' logits in training: samples, then partners
void expect_training_answers(config::Profile profile,
                             decltype(naive::paper_training_logits)& wanted_of) {
  const torch::NoGradGuard no_grad;
  for (const std::int64_t stages : {1, 3}) {
    Case one = make_case(with_stages(stages, profile), torch::kDouble);
    const at::Tensor wanted = wanted_of(one.grid, one.sentences, one.cues, one.weights, stages);
    const auto got = one.model->forward(one.visual, one.asked);
    for (std::int64_t n = 0; n < stages; ++n) {
      const StageLogits& stage = got[static_cast<std::size_t>(n)];
      EXPECT_TRUE(at::allclose(stage.samples, wanted[n].slice(1, 0, kPictures), 0, 1e-9)) << n;
      EXPECT_TRUE(at::allclose(stage.partners, wanted[n].slice(1, kPictures), 0, 1e-9)) << n;
    }
  }
}

TEST(PCNetFormulas, OfThePaperHoldInTraining) {
  expect_training_answers(config::Profile::kPaper, naive::paper_training_logits);
}

TEST(PCNetFormulas, OfTheReleasedCodeHoldInTraining) {
  expect_training_answers(config::Profile::kReleased, naive::released_training_logits);
}

TEST(PCNetFormulas, OfTheImprovedProfileHoldInTrainingAsAtInference) {
  const torch::NoGradGuard no_grad;
  for (const double cue_scale : kCueScales) {
    Case one = make_case(improved(cue_scale), torch::kDouble);
    const auto got = one.model->forward(one.visual, one.asked);
    for (std::int64_t i = 0; i < kPictures; ++i) {
      for (std::int64_t j = 0; j < kPictures; ++j) {
        const at::Tensor wanted = naive::improved_logits(one.grid[i], one.sentences[j][0],
                                                         one.cues[j][0], one.weights, 3, cue_scale);
        for (std::int64_t n = 0; n < 3; ++n) {
          EXPECT_TRUE(
              at::allclose(got[static_cast<std::size_t>(n)].samples[i][j], wanted[n], 0, 1e-9));
        }
      }
    }
  }
}

}  // namespace
}  // namespace pcnet::model
