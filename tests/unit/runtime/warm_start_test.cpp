#include "src/runtime/warm_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/json.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/model/baseline.h"
#include "pcnet/model/pcnet.h"

#include "support/tiny.h"

namespace pcnet::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Tensors = std::map<std::string, at::Tensor>;

constexpr std::int64_t kVocabulary = 7;

model::PCNet pcnet(std::uint64_t seed, const config::ModelOptions& options) {
  torch::manual_seed(seed);
  return model::PCNet(options, kVocabulary);
}
/// Its attentions have the names of the official checkpoints.
config::ModelOptions released() { return support::tiny_model("released"); }
model::PCNet pcnet(std::uint64_t seed) { return pcnet(seed, released()); }

model::Baseline tris(std::uint64_t seed) {
  torch::manual_seed(seed);
  auto options = support::tiny_model("tris");
  options.fusion = "attn_fusion";
  return model::Baseline(options, kVocabulary);
}

Tensors copy_of(const torch::nn::Module& module) {
  Tensors out;
  for (const auto& [name, tensor] : engine::state_dict(module)) out.emplace(name, tensor.clone());
  return out;
}

/// The names whose tensors are equal in both.
std::vector<std::string> equal_names(const Tensors& a, const Tensors& b) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : a) {
    if (b.contains(name) && tensor.equal(b.at(name))) names.push_back(name);
  }
  return names;
}

std::string rows(const nlohmann::ordered_json& list) {
  std::string out;
  for (const auto& row : list) {
    out += row.at("module").get<std::string>() + " " + pcnet::core::json_text(row.at("tensors")) +
           "/" + pcnet::core::json_text(row.at("of")) + " ";
  }
  return out;
}

TEST(WarmStart, TakesAllThatHasTheSameName) {
  auto options = released();
  options.logit_scale = 3;
  const Tensors given = copy_of(*pcnet(1, options));
  auto model = pcnet(2);
  const auto told = start_from(*model, given, "a.pth", /*whole=*/true);
  EXPECT_EQ(equal_names(given, engine::state_dict(*model)).size(), given.size());
  EXPECT_EQ(told.at("taken"), given.size());
  EXPECT_EQ(told.at("tensors"), given.size());
  EXPECT_EQ(warm_start_text(told), "from a.pth: " + std::to_string(given.size()) + " of " +
                                       std::to_string(given.size()) + " tensors");
}

TEST(WarmStart, LeavesTheScaleAsItIsSetUnlessTheWholeIsAskedFor) {
  auto options = released();
  options.logit_scale = 3;
  const Tensors given = copy_of(*pcnet(1, options));
  auto model = pcnet(2);
  const at::Tensor before = engine::state_dict(*model).at("logit_scale").clone();
  const auto told = start_from(*model, given, "run", /*whole=*/false);
  EXPECT_TRUE(engine::state_dict(*model).at("logit_scale").equal(before));
  EXPECT_EQ(told.at("taken"), given.size() - 1);
  EXPECT_EQ(rows(told.at("new")), "logit_scale 1/1 ");
}

TEST(WarmStart, GivesAPCNetTheEncodersAndProjectionsOfTris) {
  const Tensors given = copy_of(*tris(1));
  auto model = pcnet(2);
  const Tensors before = copy_of(*model);
  const auto told = start_from(*model, given, "tris.pth", /*whole=*/true);
  const Tensors now = engine::state_dict(*model);
  for (const auto& [name, tensor] : now) {
    if (name.starts_with("attn_fusion")) {
      EXPECT_TRUE(tensor.equal(before.at(name))) << name;
    } else if (name.starts_with("c4_vis_project") || name.starts_with("global_lan_project")) {
      const auto part = name.substr(name.find('.'));
      const bool image = name.starts_with("c4");
      EXPECT_TRUE(tensor.equal(given.at((image ? "vis_project" : "lan_project") + part))) << name;
    } else {
      EXPECT_TRUE(tensor.equal(given.at(name))) << name;
    }
  }
  // An attention has four convolutions with a norm (4 tensors) and four linear layers (2).
  EXPECT_THAT(rows(told.at("new")), HasSubstr("attn_fusion_vl.0 24/24 "));
  EXPECT_EQ(rows(told.at("not_used")), "attn_fusion 24/24 ");
  EXPECT_EQ(told.at("not_used")[0].at("names").size(), 24U);
  EXPECT_THAT(
      warm_start_text(told),
      AllOf(HasSubstr("; new: attn_fusion_vl.0 (24 tensors), attn_fusion_vl.1 (24 tensors)"),
            HasSubstr("; not used: attn_fusion (24 tensors)")));
}

TEST(WarmStart, TellsHowMuchOfAModuleIsNew) {
  Tensors given = copy_of(*pcnet(1));
  given.erase("c4_vis_project.bias");
  given.erase("attn_fusion_vl.1.v_output.0.bias");
  auto model = pcnet(2);
  const auto told = start_from(*model, given, "a.pth", /*whole=*/true);
  EXPECT_EQ(rows(told.at("new")), "attn_fusion_vl.1 1/24 c4_vis_project 1/2 ");
  EXPECT_THAT(warm_start_text(told), HasSubstr("attn_fusion_vl.1 (1 of 24 tensors)"));
}

TEST(WarmStart, MayLeaveTheEncodersNewButNotAPartOfThem) {
  Tensors given = copy_of(*pcnet(1));
  given.erase("backbone.visual.conv1.weight");
  auto model = pcnet(2);
  const Tensors before = copy_of(*model);
  const auto start = [&] { start_from(*model, given, "a.pth", /*whole=*/true); };
  EXPECT_THAT(start, ThrowsMessage<core::Error>(
                         AllOf(HasSubstr("a.pth"), HasSubstr("missing backbone.visual.conv1"))));
  EXPECT_EQ(equal_names(before, engine::state_dict(*model)).size(), before.size());
  std::erase_if(given, [](const auto& item) { return item.first.starts_with("backbone."); });
  EXPECT_THAT(rows(start_from(*model, given, "a.pth", /*whole=*/true).at("new")),
              HasSubstr("text encoder "));
}

TEST(WarmStart, RefusesOtherShapesAndChangesNothing) {
  Tensors given = copy_of(*pcnet(1));
  given["global_lan_project.bias"] = torch::zeros({5});
  auto model = pcnet(2);
  const Tensors before = copy_of(*model);
  EXPECT_THAT([&] { start_from(*model, given, "a.pth", /*whole=*/true); },
              ThrowsMessage<core::Error>(AllOf(
                  HasSubstr("a.pth"), HasSubstr("global_lan_project.bias is [5], wanted [6]"))));
  EXPECT_EQ(equal_names(before, engine::state_dict(*model)).size(), before.size());
}

TEST(WarmStart, RefusesWhatHasNothingInCommon) {
  auto model = pcnet(2);
  EXPECT_THAT(
      [&] {
        start_from(*model, {{"x", torch::zeros({1})}}, "a.pth", /*whole=*/true);
      },
      ThrowsMessage<core::Error>(HasSubstr("a.pth holds nothing of this model")));
}

TEST(WarmStart, TellsTheWidthThatItWants) {
  auto options = released();
  options.width = 8;
  auto model = pcnet(2, options);
  EXPECT_THAT([&] { start_from(*model, copy_of(*tris(1)), "a.pth", /*whole=*/true); },
              ThrowsMessage<core::ConfigError>(HasSubstr("add --set model.width=6")));
}

TEST(WarmStart, RefusesPositionsThatTheModelDoesNotHave) {
  auto options = released();
  options.position_channels = true;
  const Tensors given = copy_of(*pcnet(1, options));
  auto model = pcnet(2);
  EXPECT_THAT([&] { start_from(*model, given, "run", /*whole=*/true); },
              ThrowsMessage<core::ConfigError>(HasSubstr("model.position_channels is false")));
  auto with = pcnet(3, options);
  const auto told = start_from(*with, copy_of(*pcnet(1)), "run", /*whole=*/true);
  EXPECT_EQ(rows(told.at("new")), "position_project 1/1 ");
}

}  // namespace
}  // namespace pcnet::runtime
