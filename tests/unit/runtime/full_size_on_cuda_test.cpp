#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/config/clip_options.h"
#include "pcnet/core/device.h"
#include "pcnet/freesolo/freesolo.h"
#include "pcnet/sam/predictor.h"

#include "support/cuda.h"

/// The networks at full size on a GPU: float32 there agrees with float32 here.
namespace pcnet {
namespace {

constexpr double kApart = 1e-4;  // of the largest value: sums are made in another order

double apart(const at::Tensor& here, const at::Tensor& there) {
  return ((here - there.cpu()).abs().max() / here.abs().max()).item<double>();
}

template <class Module>
void fill(Module& module) {
  torch::manual_seed(5);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module->parameters()) {
    const double fan = parameter.dim() > 1 ? static_cast<double>(parameter[0].numel()) : 100;
    parameter.normal_(0, 1 / std::sqrt(fan));
  }
  module->eval();
}

class FullSizeOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    PCNET_NEED_CUDA();
    core::set_arithmetic(/*deterministic=*/false);
  }
  torch::NoGradGuard no_grad_;
};

TEST_F(FullSizeOnCuda, ClipEncodesAlike) {
  constexpr std::int64_t kVocabulary = 49408;
  clip::Clip clip(config::clip_architecture("RN50"), kVocabulary);
  fill(clip);
  const at::Tensor images = torch::rand({2, 3, 320, 320});
  const at::Tensor tokens = torch::randint(1, 49000, {5, 20}, torch::kInt64);
  tokens.select(1, 0).fill_(kVocabulary - 2);
  tokens.select(1, -1).fill_(kVocabulary - 1);
  const at::Tensor cells = clip->encode_image(images);
  const at::Tensor texts = clip->encode_text(tokens);
  clip->to(at::kCUDA);
  EXPECT_LE(apart(cells, clip->encode_image(images.to(at::kCUDA))), kApart);
  EXPECT_LE(apart(texts, clip->encode_text(tokens.to(at::kCUDA))), kApart);
}

TEST_F(FullSizeOnCuda, SamEncodesAndDecodesAlike) {
  image::Picture picture(480, 640);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) {
    picture.rgb[i] = static_cast<std::uint8_t>(i * i % 251);
  }
  const std::vector<sam::Point> points = {{40, 30}, {320, 240}, {600, 400}};
  for (const auto& options : {sam::mobile_sam(), sam::published_sams().front()}) {
    sam::Sam sam(options);
    fill(sam);
    sam::Predictor here(sam);
    here.set_image(here.embed(picture));
    const auto masks = here.clicks(points);
    const at::Tensor features = here.image().features.clone();
    sam->to(at::kCUDA);
    sam::Predictor there(sam);
    there.set_image(there.embed(picture));
    EXPECT_LE(apart(features, there.image().features), kApart) << options.name;
    EXPECT_LE(apart(masks.logits, there.clicks(points).logits), kApart) << options.name;
  }
}

TEST_F(FullSizeOnCuda, FreesoloSeesAlike) {
  freesolo::Freesolo network{freesolo::NetworkOptions{}};
  fill(network);
  const at::Tensor images = torch::randn({1, 3, 320, 416});
  const auto here = network->forward(images);
  network->to(at::kCUDA);
  const auto there = network->forward(images.to(at::kCUDA));
  EXPECT_LE(apart(here.mask_features, there.mask_features), kApart);
}

}  // namespace
}  // namespace pcnet
