#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/clip/modified_resnet.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::clip {
namespace {

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

Shapes shapes_of(const torch::nn::Module& module) {
  Shapes shapes;
  for (const auto& item : module.named_parameters()) shapes[item.key()] = item->sizes().vec();
  for (const auto& item : module.named_buffers()) shapes[item.key()] = item->sizes().vec();
  return shapes;
}

std::int64_t count(const torch::nn::Module& module) {
  std::int64_t sum = 0;
  for (const auto& parameter : module.parameters()) sum += parameter.numel();
  return sum;
}

void add_norm(Shapes& shapes, const std::string& name, std::int64_t channels) {
  for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
    shapes[name + part] = {channels};
  }
  shapes[name + ".num_batches_tracked"] = {};
}

void add_linear(Shapes& shapes, const std::string& name, std::int64_t in, std::int64_t out) {
  shapes[name + ".weight"] = {out, in};
  shapes[name + ".bias"] = {out};
}

// The names of docs/formats.md#weight-files, written out for RN50.
Shapes published_visual() {
  Shapes shapes;
  shapes["conv1.weight"] = {32, 3, 3, 3};
  shapes["conv2.weight"] = {32, 32, 3, 3};
  shapes["conv3.weight"] = {64, 32, 3, 3};
  add_norm(shapes, "bn1", 32);
  add_norm(shapes, "bn2", 32);
  add_norm(shapes, "bn3", 64);
  const std::vector<std::int64_t> blocks = {3, 4, 6, 3};
  std::int64_t in = 64;
  for (std::size_t layer = 0; layer < 4; ++layer) {
    const std::int64_t width = 64LL << layer;
    for (std::int64_t block = 0; block < blocks[layer]; ++block) {
      const std::string name = core::cat("layer", layer + 1, ".", block, ".");
      shapes[name + "conv1.weight"] = {width, in, 1, 1};
      shapes[name + "conv2.weight"] = {width, width, 3, 3};
      shapes[name + "conv3.weight"] = {4 * width, width, 1, 1};
      add_norm(shapes, name + "bn1", width);
      add_norm(shapes, name + "bn2", width);
      add_norm(shapes, name + "bn3", 4 * width);
      if (block == 0) {
        shapes[name + "downsample.0.weight"] = {4 * width, in, 1, 1};
        add_norm(shapes, name + "downsample.1", 4 * width);
      }
      in = 4 * width;
    }
  }
  shapes["attnpool.positional_embedding"] = {50, 2048};
  for (const char* part : {"q", "k", "v"}) {
    add_linear(shapes, core::cat("attnpool.", part, "_proj"), 2048, 2048);
  }
  add_linear(shapes, "attnpool.c_proj", 2048, 1024);
  return shapes;
}

Shapes published_clip() {
  Shapes shapes;
  for (const auto& [name, shape] : published_visual()) shapes["visual." + name] = shape;
  for (int i = 0; i < 12; ++i) {
    const std::string block = core::cat("transformer.resblocks.", i, ".");
    for (const char* norm : {"ln_1", "ln_2"}) {
      shapes[block + norm + ".weight"] = {512};
      shapes[block + norm + ".bias"] = {512};
    }
    shapes[block + "attn.in_proj_weight"] = {1536, 512};
    shapes[block + "attn.in_proj_bias"] = {1536};
    add_linear(shapes, block + "attn.out_proj", 512, 512);
    add_linear(shapes, block + "mlp.c_fc", 512, 2048);
    add_linear(shapes, block + "mlp.c_proj", 2048, 512);
  }
  shapes["token_embedding.weight"] = {49408, 512};
  shapes["positional_embedding"] = {77, 512};
  shapes["ln_final.weight"] = {512};
  shapes["ln_final.bias"] = {512};
  shapes["text_projection"] = {512, 1024};
  shapes["logit_scale"] = {};
  return shapes;
}

TEST(ClipRn50, HasThePublishedNamesShapesAndParameterCounts) {
  Clip clip(config::ClipOptions{}, 49408);
  EXPECT_THAT(shapes_of(*clip), ::testing::ContainerEq(published_clip()));
  EXPECT_EQ(count(*clip->visual()), 38'316'896);
  EXPECT_EQ(count(*clip), 102'007'137);
  for (const auto& parameter : clip->parameters()) EXPECT_EQ(parameter.dtype(), torch::kFloat);
}

TEST(ClipRn101, HasThePublishedParameterCounts) {
  Clip clip(config::clip_architecture("RN101"), 49408);
  EXPECT_EQ(count(*clip->visual()), 56'259'936);
  EXPECT_EQ(count(*clip), 119'688'033);
}

TEST(ClipRn50x4, HasThePublishedParameterCounts) {
  Clip clip(config::clip_architecture("RN50x4"), 49408);
  EXPECT_EQ(count(*clip->visual()), 87'137'080);
  EXPECT_EQ(count(*clip), 178'300'601);
}

TEST(ClipArchitecture, RefusesAnUnknownName) {
  EXPECT_THROW(config::clip_architecture("RN51"), core::UsageError);
}

TEST(ClipRn50, MakesSevenBySevenCellsOf2048Channels) {
  const torch::NoGradGuard no_grad;
  ModifiedResNet visual(config::VisualOptions{});
  visual->eval();
  EXPECT_EQ(visual->feature_channels(), 2048);
  const at::Tensor grid = visual(torch::rand({1, 3, 224, 224}));
  EXPECT_EQ(grid.sizes(), (at::IntArrayRef{1, 2048, 7, 7}));
  EXPECT_EQ(visual->pool(grid).sizes(), (at::IntArrayRef{1, 1024}));
}

}  // namespace
}  // namespace pcnet::clip
