#include "pcnet/clip/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/config/config.h"
#include "pcnet/core/error.h"
#include "pcnet/core/json.h"

#include "support/tiny.h"

namespace pcnet::clip {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

using Tensors = std::map<std::string, at::Tensor>;
using Shapes = std::map<std::string, std::vector<std::int64_t>>;

constexpr std::int64_t kVocabulary = 7;

Tensors tensors_of(const Clip& clip) {
  Tensors tensors;
  for (const auto& item : clip->named_parameters()) tensors.emplace(item.key(), item.value());
  for (const auto& item : clip->named_buffers()) tensors.emplace(item.key(), item.value());
  return tensors;
}

Shapes shapes_of(const Tensors& tensors) {
  Shapes shapes;
  for (const auto& [name, tensor] : tensors) shapes[name] = tensor.sizes().vec();
  return shapes;
}

config::ClipOptions published(const std::vector<std::int64_t>& layers, std::int64_t width,
                              std::int64_t resolution, std::int64_t output,
                              std::int64_t text_width) {
  config::ClipOptions options;
  options.visual.layers = layers;
  options.visual.width = width;
  options.visual.heads = width / 2;
  options.visual.resolution = resolution;
  options.visual.output_dim = output;
  options.text.width = text_width;
  options.text.heads = text_width / 64;
  options.text.output_dim = output;
  return options;
}

// The tiny CLIP with the heads that an architecture without any hint has.
config::ClipOptions tiny() {
  auto options = support::tiny_clip();
  options.visual.heads = 2;  // 128 channels
  options.text.heads = 1;
  return options;
}

ClipFile file_of(const Clip& clip, const std::string& path = "clip.pt") {
  const Tensors tensors = tensors_of(clip);
  return {path,
          {weights::Layout::kOpenaiClip, "", tensors, {}},
          tensors,
          architecture_of(tensors, path)};
}

TEST(OptionsOf, RecoversWhatAClipWasBuiltWith) {
  for (const bool pool : {true, false}) {
    auto options = tiny();
    options.visual.attention_pool = pool;
    const auto found = architecture_of(tensors_of(Clip(options, kVocabulary)), "file");
    EXPECT_THAT(settings_for(options, found.options), IsEmpty()) << pool;
    EXPECT_EQ(found.options.visual.layers, options.visual.layers);
    EXPECT_EQ(found.options.visual.attention_pool, pool);
    EXPECT_EQ(found.vocabulary_size, kVocabulary);
    EXPECT_EQ(found.name, "");
  }
}

TEST(OptionsOf, KnowsThePublishedOnes) {
  const std::vector<std::pair<std::string, config::ClipOptions>> known = {
      {"RN50", published({3, 4, 6, 3}, 64, 224, 1024, 512)},
      {"RN101", published({3, 4, 23, 3}, 64, 224, 512, 512)},
      {"RN50x4", published({4, 6, 10, 6}, 80, 288, 640, 640)},
      {"RN50x16", published({6, 8, 18, 8}, 96, 384, 768, 768)},
      {"RN50x64", published({3, 15, 36, 10}, 128, 448, 1024, 1024)}};
  for (const auto& [name, options] : known) {
    const auto expected = expected_tensors({name, options, 49408});
    const auto found = architecture_of(expected, "file");
    EXPECT_EQ(found.name, name);
    EXPECT_THAT(settings_for(options, found.options), IsEmpty());
    EXPECT_EQ(found.options.visual.heads, options.visual.heads);
    EXPECT_EQ(found.options.text.context_length, 77);
  }
}

TEST(ArchitectureOf, TakesTheStoredConfigurationOfARun) {
  auto config = config::load_defaults({}).values;
  config.model.clip = support::tiny_clip();
  config.model.clip.visual.strides = {1, 2, 1};
  config.data.text_length = config.model.clip.text.context_length;
  weights::WeightFile file;
  file.path = "run.safetensors";
  file.content.metadata["config"] = pcnet::core::json_text(config::to_json(config));
  const Tensors tensors = tensors_of(Clip(config.model.clip, kVocabulary));
  const auto found = architecture_of(file, tensors);
  EXPECT_EQ(found.options.visual.heads, 4);
  EXPECT_EQ(found.options.text.heads, 2);
  EXPECT_THAT(found.options.visual.strides, ElementsAre(1, 2, 1));
  EXPECT_EQ(found.vocabulary_size, kVocabulary);
  file.content.metadata["config"] = "{";
  EXPECT_THAT([&] { architecture_of(file, tensors); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("run.safetensors"), HasSubstr("config"))));
}

TEST(ExpectedTensors, AreThoseOfABuiltClip) {
  auto deep = tiny();
  deep.visual.layers = {2, 1, 3};
  deep.visual.attention_pool = false;
  for (const auto& options : {tiny(), deep}) {
    EXPECT_THAT(shapes_of(expected_tensors({"", options, kVocabulary})),
                ::testing::ContainerEq(shapes_of(tensors_of(Clip(options, kVocabulary)))));
  }
  const auto rn101 = published({3, 4, 23, 3}, 64, 224, 512, 512);
  EXPECT_THAT(shapes_of(expected_tensors({"", rn101, 100})),
              ::testing::ContainerEq(shapes_of(tensors_of(Clip(rn101, 100)))));
}

TEST(OptionsOf, NamesTheTensorThatIsMissingOrMisshapen) {
  const auto fails_with = [](const std::string& name, const at::Tensor& tensor) {
    Tensors tensors = tensors_of(Clip(tiny(), kVocabulary));
    tensors.erase(name);
    if (tensor.defined()) tensors.emplace(name, tensor);
    EXPECT_THAT([&] { architecture_of(tensors, "file.pt"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("file.pt"), HasSubstr(name))));
  };
  fails_with("positional_embedding", {});
  fails_with("text_projection", torch::zeros({4}));
  fails_with("token_embedding.weight", torch::zeros({0, 8}));
  fails_with("visual.attnpool.positional_embedding", torch::zeros({7, 128}));
  fails_with("visual.layer1.0.conv1.weight", torch::zeros({8}));
}

TEST(ClipTensors, AreTheBackboneOfAModel) {
  const Tensors model = {{"backbone.visual.conv1.weight", torch::zeros({1})},
                         {"vis_project.weight", torch::zeros({1})}};
  EXPECT_THAT(clip_tensors({weights::Layout::kOfficialTris, "", model, {}}),
              ElementsAre(::testing::Key("visual.conv1.weight")));
  EXPECT_THAT(clip_tensors({weights::Layout::kSam, "", model, {}}), IsEmpty());
}

TEST(SettingsFor, NamesTheKeysThatDiffer) {
  EXPECT_THAT(settings_for(published({3, 4, 23, 3}, 64, 224, 512, 512), config::ClipOptions{}),
              ElementsAre("model.clip.visual.layers=[3,4,23,3]", "model.clip.visual.output_dim=512",
                          "model.clip.text.output_dim=512"));
}

TEST(LoadClipWeights, CopiesEveryTensorAndConvertsItsType) {
  torch::manual_seed(1);
  ClipFile file = file_of(Clip(tiny(), kVocabulary));
  for (auto& [name, tensor] : file.tensors) {
    if (tensor.is_floating_point()) tensor = tensor.detach().to(at::kHalf);
  }
  Clip into(tiny(), kVocabulary);
  load_weights(*into, file);
  for (const auto& [name, tensor] : tensors_of(into)) {
    EXPECT_EQ(tensor.scalar_type(), name.ends_with("tracked") ? at::kLong : at::kFloat);
    EXPECT_TRUE(at::equal(tensor, file.tensors.at(name).to(tensor.scalar_type()))) << name;
  }
}

TEST(LoadClipWeights, GivesTheSettingsForAFileOfAnotherArchitecture) {
  auto other = tiny();
  other.visual.layers = {1, 2, 1};
  other.text.width = 16;
  Clip into(tiny(), kVocabulary);
  const at::Tensor before = tensors_of(into).at("text_projection").detach().clone();
  EXPECT_THAT([&] { load_weights(*into, file_of(Clip(other, kVocabulary))); },
              ThrowsMessage<core::ConfigError>(
                  AllOf(HasSubstr("clip.pt"), HasSubstr("--set model.clip.visual.layers=[1,2,1]"),
                        HasSubstr("--set model.clip.text.width=16"))));
  EXPECT_TRUE(at::equal(tensors_of(into).at("text_projection"), before));
}

TEST(LoadClipWeights, NamesWhatDoesNotFit) {
  Clip into(tiny(), kVocabulary);
  EXPECT_THAT([&] { load_weights(*into, file_of(Clip(tiny(), kVocabulary + 1))); },
              ThrowsMessage<core::Error>(HasSubstr("token_embedding.weight is [8, 8], wanted")));
  ClipFile file = file_of(Clip(tiny(), kVocabulary));
  file.tensors.erase("ln_final.bias");
  EXPECT_THAT([&] { load_weights(*into, file); },
              ThrowsMessage<core::Error>(HasSubstr("missing ln_final.bias")));
}

TEST(LoadClipWeights, LeavesTheAttentionPoolWhereTheModuleHasNone) {
  auto without = tiny();
  without.visual.attention_pool = false;
  Clip into(without, kVocabulary);
  const ClipFile file = file_of(Clip(tiny(), kVocabulary));
  load_weights(*into, file);
  EXPECT_TRUE(at::equal(tensors_of(into).at("visual.conv1.weight"),
                        file.tensors.at("visual.conv1.weight")));
}

}  // namespace
}  // namespace pcnet::clip
