#include "pcnet/weights/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::weights {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;

WeightFile file_of(const std::vector<std::string>& names) {
  WeightFile file;
  file.path = "file.pth";
  for (const auto& name : names) file.content.tensors.emplace_back(name, torch::zeros({2}));
  return file;
}

std::vector<std::string> with(const std::string& prefix, std::vector<std::string> names) {
  for (auto& name : names) name.insert(0, prefix);
  return names;
}

const std::vector<std::string> kClip = {"visual.conv1.weight", "visual.layer1.0.conv1.weight",
                                        "transformer.resblocks.0.ln_1.weight", "logit_scale"};
const std::vector<std::string> kTris = {"backbone.visual.layer1.0.conv1.weight",
                                        "vis_project.weight", "lan_project.weight", "logit_scale",
                                        "attn_fusion.v_proj1.0.weight"};

Layout layout_of(const std::vector<std::string>& names) {
  return find_state_dict(file_of(names)).layout;
}

TEST(FindStateDict, KnowsTheLayoutByItsNames) {
  EXPECT_EQ(layout_of(kClip), Layout::kOpenaiClip);
  EXPECT_EQ(layout_of(kTris), Layout::kOfficialTris);
  EXPECT_EQ(layout_of({"backbone.visual.layer1.0.conv1.weight", "c4_vis_project.weight",
                       "attn_fusion_vl.0.v_proj1.0.weight"}),
            Layout::kOfficialPcnet);
  EXPECT_EQ(layout_of({"backbone.visual.layer1.0.conv1.weight", "vis_project.weight"}),
            Layout::kPcnet);
  EXPECT_EQ(layout_of({"visual.class_embedding", "visual.proj", "ln_final.weight",
                       "visual.transformer.resblocks.0.ln_1.weight"}),
            Layout::kClipVit);
  EXPECT_EQ(layout_of({"vision_model.embeddings.class_embedding",
                       "text_model.encoder.layers.0.layer_norm1.weight", "logit_scale"}),
            Layout::kHuggingFaceClip);
  EXPECT_EQ(layout_of({"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.weight"}),
            Layout::kTorchvisionResnet);
  EXPECT_EQ(layout_of({"image_encoder.pos_embed", "image_encoder.blocks.0.attn.qkv.weight",
                       "prompt_encoder.no_mask_embed.weight", "mask_decoder.iou_token.weight"}),
            Layout::kSam);
  EXPECT_EQ(layout_of({"model._iter", "model.ins_head.cate_pred.weight",
                       "model.backbone.bottom_up.stem.conv1.weight"}),
            Layout::kFreesolo);
  EXPECT_EQ(layout_of({"encoder.weight", "decoder.weight"}), Layout::kUnknown);
  EXPECT_EQ(layout_of({}), Layout::kUnknown);
}

TEST(FindStateDict, TellsARunOfOursByItsMetadata) {
  WeightFile file = file_of(kTris);
  file.content.metadata["format"] = "pcnet checkpoint 1";
  file.content.tensors.emplace_back("optimizer.vis_project.weight.first", torch::zeros({2}));
  const auto state = find_state_dict(file);
  EXPECT_EQ(state.layout, Layout::kPcnet);
  EXPECT_EQ(state.tensors.size(), kTris.size());
  EXPECT_THAT(state.left_out, ElementsAre("optimizer (1 tensor)"));
}

TEST(FindStateDict, TakesOffWhatIsWrappedRoundTheModel) {
  for (const char* prefix : {"", "model.", "state_dict.", "model_state_dict.", "module.",
                             "model.module.", "module.model.", "backbone.", "model.backbone."}) {
    const auto state = find_state_dict(file_of(with(prefix, kClip)));
    EXPECT_EQ(state.layout, Layout::kOpenaiClip) << prefix;
    EXPECT_EQ(state.prefix, prefix);
    EXPECT_THAT(state.tensors,
                ElementsAre(Key("logit_scale"), Key(kClip[2]), Key(kClip[0]), Key(kClip[1])));
    EXPECT_THAT(state.left_out, IsEmpty());
  }
}

TEST(FindStateDict, KeepsTheBackboneOfAWholeModel) {
  const auto state = find_state_dict(file_of(with("model.module.", kTris)));
  EXPECT_EQ(state.layout, Layout::kOfficialTris);
  EXPECT_EQ(state.prefix, "model.module.");
  EXPECT_TRUE(state.tensors.contains("backbone.visual.layer1.0.conv1.weight"));
}

TEST(FindStateDict, LeavesOutAndNamesWhatStandsBesideTheModel) {
  auto names = with("model.", kTris);
  names.insert(names.end(), {"optimizer.state.0.exp_avg", "optimizer.state.0.exp_avg_sq", "extra"});
  WeightFile file = file_of(names);
  file.values = {{"lr_scheduler.last_epoch", "7"}, {"lr_scheduler.gamma", "1"}, {"epoch", "7"}};
  const auto state = find_state_dict(file);
  EXPECT_EQ(state.tensors.size(), kTris.size());
  EXPECT_THAT(state.left_out,
              ElementsAre("optimizer (2 tensors)", "extra (1 tensor)", "lr_scheduler", "epoch"));
}

TEST(FindStateDict, DropsTheSettingsInOpenaisFiles) {
  auto names = kClip;
  names.insert(names.end(), {"input_resolution", "context_length", "vocab_size"});
  const auto state = find_state_dict(file_of(names));
  EXPECT_EQ(state.tensors.size(), kClip.size());
  EXPECT_THAT(state.left_out, ElementsAre("input_resolution (1 tensor)",
                                          "context_length (1 tensor)", "vocab_size (1 tensor)"));
}

TEST(FindStateDict, DropsWhatNoNetworkReads) {
  const auto sam = find_state_dict(file_of({"image_encoder.layers.0.a", "image_encoder.head.weight",
                                            "image_encoder.norm_head.bias", "mask_decoder.b"}));
  EXPECT_THAT(sam.tensors, ElementsAre(Key("image_encoder.layers.0.a"), Key("mask_decoder.b")));
  EXPECT_THAT(sam.left_out,
              ElementsAre("image_encoder.norm_head (1 tensor)", "image_encoder.head (1 tensor)"));
  const auto solo = find_state_dict(
      file_of(with("model.", {"_iter", "ins_head.cate_pred.weight", "ins_head.emb_pred.weight"})));
  EXPECT_THAT(solo.tensors, ElementsAre(Key("ins_head.cate_pred.weight")));
  EXPECT_THAT(solo.left_out, ElementsAre("_iter (1 tensor)", "ins_head.emb_pred (1 tensor)"));
}

TEST(FindStateDict, KeepsEveryNameOfAnUnknownLayout) {
  const auto state = find_state_dict(file_of({"model.a", "b", "context_length"}));
  EXPECT_EQ(state.prefix, "");
  EXPECT_THAT(state.tensors, ElementsAre(Key("b"), Key("context_length"), Key("model.a")));
}

TEST(FindStateDict, SharesTheFilesMemory) {
  const WeightFile file = file_of(with("model.", kClip));
  const auto state = find_state_dict(file);
  EXPECT_EQ(state.tensors.at("visual.conv1.weight").data_ptr(),
            file.content.tensors[0].second.data_ptr());
}

TEST(Advice, SaysWhatTheFileLooksLikeAndWhatToUse) {
  const std::vector<std::pair<Layout, const char*>> expected = {
      {Layout::kClipVit, "vision transformer"},
      {Layout::kHuggingFaceClip, "Hugging Face"},
      {Layout::kTorchvisionResnet, "torchvision"},
      {Layout::kSam, "SAM"},
      {Layout::kSam2, "SAM 2"},
      {Layout::kFreesolo, "FreeSOLO"},
      {Layout::kUnknown, "no model that is known"}};
  for (const auto& [layout, words] : expected) {
    EXPECT_THAT(advice(layout), HasSubstr(words));
    EXPECT_THAT(advice(layout), HasSubstr("RN50.pt"));
  }
  for (const Layout layout :
       {Layout::kPcnet, Layout::kOfficialPcnet, Layout::kOfficialTris, Layout::kOpenaiClip}) {
    EXPECT_EQ(advice(layout), "");
  }
}

std::map<std::string, at::Tensor> tensors(
    const std::map<std::string, std::vector<std::int64_t>>& shapes) {
  std::map<std::string, at::Tensor> out;
  for (const auto& [name, shape] : shapes) out.emplace(name, torch::zeros(shape));
  return out;
}

TEST(Compare, SortsNamesByHowTheyFit) {
  const auto fit = compare(tensors({{"a", {2}}, {"b", {2, 3}}, {"c", {}}}),
                           tensors({{"b", {3, 2}}, {"c", {}}, {"d", {1}}}));
  EXPECT_THAT(fit.fitting, ElementsAre("c"));
  EXPECT_THAT(fit.missing, ElementsAre("a"));
  EXPECT_THAT(fit.unexpected, ElementsAre("d"));
  ASSERT_EQ(fit.mismatched.size(), 1U);
  EXPECT_EQ(fit.mismatched[0].name, "b");
  EXPECT_THAT(fit.mismatched[0].got, ElementsAre(3, 2));
  EXPECT_THAT(fit.mismatched[0].wanted, ElementsAre(2, 3));
  EXPECT_FALSE(fit.fits());
}

TEST(Compare, DoesNotMissTheCounterOfABatchNorm) {
  const auto fit = compare(tensors({{"bn.weight", {2}}, {"bn.num_batches_tracked", {}}}),
                           tensors({{"bn.weight", {2}}}));
  EXPECT_TRUE(fit.fits());
  EXPECT_THAT(fit.fitting, ElementsAre("bn.weight"));
}

TEST(FitText, IsEmptyWhenAllFits) {
  const auto fit = compare(tensors({{"a", {2}}}), tensors({{"a", {2}}}));
  EXPECT_TRUE(fit.fits());
  EXPECT_EQ(to_line(fit), "");
  EXPECT_EQ(to_table(fit), "");
}

TEST(FitText, ListsTheFaultsInALineOrATable) {
  const auto fit = compare(tensors({{"alpha", {2}}, {"b", {2, 3}}, {"e", {1}}}),
                           tensors({{"b", {3, 2}}, {"d", {1}}}));
  EXPECT_EQ(to_line(fit), "missing alpha; unexpected d; b is [3, 2], wanted [2, 3]; missing e");
  EXPECT_EQ(to_line(fit, 2), "missing alpha; unexpected d; and 2 more");
  EXPECT_EQ(to_table(fit),
            "name   fault       shape got  shape wanted\n"
            "alpha  missing     -          -\n"
            "b      mismatched  [3, 2]     [2, 3]\n"
            "d      unexpected  -          -\n"
            "e      missing     -          -\n");
  EXPECT_THAT(to_table(fit, 1), HasSubstr("alpha"));
  EXPECT_THAT(to_table(fit, 1), HasSubstr("\nand 3 more\n"));
}

}  // namespace
}  // namespace pcnet::weights
