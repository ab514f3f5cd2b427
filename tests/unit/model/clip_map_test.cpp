#include "pcnet/model/clip_map.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/baseline.h"

#include "support/lively.h"
#include "support/tiny.h"

namespace pcnet::model {
namespace {

std::shared_ptr<BaselineImpl> tiny(bool attention_pool) {
  config::ModelOptions options = support::tiny_model();
  options.clip.visual.attention_pool = attention_pool;
  options.position_channels = true;
  auto model = std::make_shared<BaselineImpl>(options, /*vocabulary_size=*/7);
  support::make_lively(*model, 2);
  model->eval();
  return model;
}

TEST(ClipMap, IsTheCosineOfEveryCellWithTheText) {
  const torch::NoGradGuard no_grad;
  const auto source = tiny(true);
  const auto map = clip_map(*source);
  map->eval();
  torch::manual_seed(3);
  const at::Tensor images = torch::randint(0, 256, {2, 3, 48, 32}, torch::kByte);
  const at::Tensor tokens = torch::tensor({{5, 1, 2, 6}, {5, 3, 6, 0}}, torch::kInt64);
  const at::Tensor logits =
      map->respond(map->encode_images(images), {map->encode_texts(tokens)}, torch::tensor({0, 1}));

  auto& clip = *source->backbone();
  const auto parameters = clip.named_parameters();
  const auto pool = [&](const std::string& name) { return parameters["visual.attnpool." + name]; };
  const at::Tensor grid = clip.encode_image_grid(image::normalise(images, at::kFloat));
  const at::Tensor texts = clip.encode_text(tokens);
  ASSERT_EQ(logits.sizes(), (at::IntArrayRef{1, 2, 3, 2}));
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t y = 0; y < 3; ++y) {
      for (std::int64_t x = 0; x < 2; ++x) {
        const at::Tensor cell = grid[b].select(1, y).select(1, x);  // [128]
        const at::Tensor value = pool("v_proj.weight").matmul(cell) + pool("v_proj.bias");
        const at::Tensor out = pool("c_proj.weight").matmul(value) + pool("c_proj.bias");
        const double wanted = (out.dot(texts[b]) / (out.norm() * texts[b].norm())).item<double>();
        EXPECT_NEAR((logits[0][b][y][x] / map->scale()).item<double>(), wanted, 1e-5);
      }
    }
  }
}

TEST(ClipMap, NeedsAnAttentionPool) { EXPECT_THROW(clip_map(*tiny(false)), core::Error); }

}  // namespace
}  // namespace pcnet::model
