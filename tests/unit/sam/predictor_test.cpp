#include "pcnet/sam/predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/weights/safetensors.h"
#include "pcnet/weights/state_dict.h"

#include "support/temporary_folder.h"
#include "support/tiny_sam.h"

namespace pcnet::sam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// With a block that looks at all cells.
SamOptions tiny() {
  SamOptions options = support::tiny_sam();
  options.vit.global_blocks = {1};
  return options;
}

image::Picture picture(std::int64_t height, std::int64_t width) {
  image::Picture made(height, width);
  for (std::size_t i = 0; i < made.rgb.size(); ++i) {
    made.rgb[i] = static_cast<std::uint8_t>(37 * i % 251);
  }
  return made;
}

TEST(SamPredictor, AnswersClicksAloneAndTogetherAlike) {
  Predictor predictor(support::lively_sam(tiny()));
  predictor.set_image(predictor.embed(picture(30, 50)));
  const std::vector<Point> points = {{3, 4}, {49, 29}, {20, 10}, {7, 7}, {40, 1}, {0, 0}};
  const auto together = predictor.clicks(points);
  ASSERT_EQ(together.logits.sizes(), (std::vector<std::int64_t>{6, 3, 16, 16}));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto alone = predictor.predict(
        {.points = {points[i]}, .labels = {1}, .box = {}, .mask = {}}, Outputs::kMultiple);
    const auto at = static_cast<std::int64_t>(i);
    EXPECT_TRUE(at::allclose(together.logits[at], alone.logits, 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(together.predicted_iou[at], alone.predicted_iou, 1e-4, 1e-5));
  }
  EXPECT_EQ(predictor.clicks({}).logits.size(0), 0);
  const auto single = predictor.clicks(points, Outputs::kSingle);
  ASSERT_EQ(single.logits.sizes(), (std::vector<std::int64_t>{6, 1, 16, 16}));
  const auto alone = predictor.predict(
      {.points = {points[5]}, .labels = {1}, .box = {}, .mask = {}}, Outputs::kSingle);
  EXPECT_TRUE(at::allclose(single.logits[5], alone.logits, 1e-4, 1e-4));
  EXPECT_FALSE(at::allclose(single.logits[5], together.logits[5].slice(0, 0, 1), 1e-2, 1e-2));
}

TEST(SamPredictor, KeepsAnEmbeddingForLater) {
  Predictor predictor(support::lively_sam(tiny()));
  const Embedding first = predictor.embed(picture(30, 50));
  EXPECT_EQ(first.frame.inner_height, 38);  // 30 * 64 / 50 = 38.4
  EXPECT_EQ(first.frame.inner_width, 64);
  predictor.set_image(first);
  const auto before = predictor.clicks(std::vector<Point>{{3, 4}});
  predictor.set_image(predictor.embed(picture(60, 20)));
  predictor.set_image(first);
  EXPECT_TRUE(predictor.clicks(std::vector<Point>{{3, 4}}).logits.equal(before.logits));
}

TEST(SamPredictor, CutsThePaddingOffAMask) {
  // The lower half of the square is padding of an image twice as wide as high.
  at::Tensor logits = torch::full({16, 16}, -1.F);
  logits.slice(0, 8).fill_(1);
  const Frame wide{.height = 20, .width = 40, .inner_height = 32, .inner_width = 64};
  const image::Mask mask = Predictor::mask_of(logits, wide);
  ASSERT_EQ(mask.height, 20);
  ASSERT_EQ(mask.width, 40);
  EXPECT_EQ(mask.at(18, 5), 0);  // above the border between rows 7 and 8 of 16
  const Frame square{.height = 20, .width = 20, .inner_height = 64, .inner_width = 64};
  const image::Mask half = Predictor::mask_of(logits, square);
  EXPECT_EQ(half.at(9, 5), 0);
  EXPECT_EQ(half.at(10, 5), 1);
}

TEST(LoadSam, TellsTheSizeFromTheFile) {
  const support::TemporaryFolder folder;
  // Without blocks that look at all cells: their tables would be shorter than a window's here.
  const Sam made = support::lively_sam();
  support::write_sam(folder / "sam.safetensors", made);
  const Sam loaded = load_sam(folder / "sam.safetensors");
  EXPECT_EQ(loaded->options.vit,
            (VisionTransformerOptions{.width = 8, .blocks = 2, .heads = 2, .global_blocks = {}}));
  const auto wanted = weights::tensors_of(*made);
  for (const auto& [name, tensor] : weights::tensors_of(*loaded)) {
    EXPECT_TRUE(tensor.equal(wanted.at(name))) << name;
  }
}

/// A SAM's tensors, changed.
std::map<std::string, at::Tensor> changed(const std::string& name, const at::Tensor& tensor) {
  auto tensors = expected_tensors({});
  tensors[name] = tensor;
  return tensors;
}

TEST(SamOptionsOf, KnowsThePublishedSizes) {
  for (const auto& known : published_sams()) {
    const auto tensors = expected_tensors(known);
    const auto found = options_of(tensors, "sam.pth");
    EXPECT_EQ(found.name, known.name);
    EXPECT_EQ(found.vit, known.vit);
    EXPECT_EQ(tensors.size(), static_cast<std::size_t>(146 + 14 * known.vit.blocks)) << known.name;
  }
}

TEST(SamOptionsOf, RefusesSizesThatNoSamHas) {
  const auto places = [](std::int64_t cells, std::int64_t width) {
    return torch::empty({1, cells, cells, width}, torch::TensorOptions().device(torch::kMeta));
  };
  const auto wide = changed("image_encoder.pos_embed", places(64, std::int64_t{1} << 40));
  const auto large = changed("image_encoder.pos_embed", places(std::int64_t{1} << 24, 768));
  const auto none = changed("image_encoder.pos_embed", places(0, 768));
  for (const auto& tensors : {wide, large, none}) {
    EXPECT_THAT([&] { options_of(tensors, "sam.pth"); },
                ThrowsMessage<core::Error>(HasSubstr("sam.pth: image_encoder.pos_embed is [1, ")));
  }
  const auto heads = changed("image_encoder.blocks.0.attn.rel_pos_h", places(1, 7)[0][0]);
  EXPECT_THAT([&] { options_of(heads, "sam.pth"); },
              ThrowsMessage<core::Error>(HasSubstr("do not divide the width 768")));
}

TEST(ExpectedTensors, AreThoseOfTheModule) {
  for (const SamOptions& options : {mobile_sam(), tiny()}) {
    const auto expected = expected_tensors(options);
    const auto fit = weights::compare(expected, weights::tensors_of(*Sam(options)));
    EXPECT_EQ(weights::to_line(fit), "");
    for (const auto& [name, tensor] : expected) EXPECT_TRUE(tensor.is_meta()) << name;
  }
}

TEST(LoadSam, NamesFilesOfOtherFamilies) {
  const support::TemporaryFolder folder;
  const std::pair<const char*, const char*> families[] = {
      {"memory_attention.layers.0.norm1.weight", "SAM 2"},
      {"mask_decoder.hf_token.weight", "SAM-HQ"},
      {"mask_decoder.final_output_upscaling_layers.0.0.bias", "EfficientSAM"},
      {"shared_image_embedding.positional_embedding", "Hugging Face"},
      {"model.22.cv2.0.0.conv.weight", "FastSAM"},
      {"visual.class_embedding", "CLIP with a vision transformer"},
      {"some.weight", "no model that is known"}};
  for (const auto& [tensor, said] : families) {
    weights::TensorFile file;
    file.tensors.emplace_back(tensor, torch::zeros({1, 256}));
    weights::write_safetensors(folder / "other.safetensors", file);
    EXPECT_THAT([&] { load_sam(folder / "other.safetensors"); },
                ThrowsMessage<core::Error>(
                    AllOf(HasSubstr("other.safetensors holds no SAM"), HasSubstr(said))));
  }
}

}  // namespace
}  // namespace pcnet::sam
