#include "pcnet/config/profiles.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/json.h"

#include "config_folder.h"
#include "support/choices.h"

namespace pcnet::config {
namespace {

using Profiles = ConfigFolder;

TEST_F(Profiles, SetKeysBelowThoseOfTheUser) {
  write("base.yaml", "loss:\n  instance_disambiguation: {ramp: 0.5}\n");
  write("top.yaml", "extends: base.yaml\nmodel:\n  profile: improved\n  stages: 2\n");
  const auto loaded = load_file("top.yaml", {"model.referring.cue_scale=0.7"});
  const auto& values = loaded.values;
  EXPECT_EQ(values.loss.instance_disambiguation.ramp, 0.5);
  EXPECT_EQ(values.model.stages, 2);
  EXPECT_EQ(values.model.referring.cue_scale, 0.7);
  EXPECT_EQ(values.model.referring.context.word(), "pair");
  EXPECT_EQ(values.loss.instance_disambiguation.weight, 0.5);
  const auto origin = [&](const char* key) { return without_folder(loaded.origins.at(key)); };
  EXPECT_EQ(origin("loss.instance_disambiguation.ramp"), "base.yaml:2");
  EXPECT_EQ(origin("model.stages"), "top.yaml:4");
  EXPECT_EQ(origin("model.referring.cue_scale"), "--set");
  EXPECT_EQ(origin("model.referring.context"), "profile improved");
  EXPECT_EQ(origin("data.partners"), "default");
  EXPECT_EQ(origin("model.profile"), "top.yaml:3");
  EXPECT_EQ(origin("train.batch_size"), "default");
}

TEST_F(Profiles, AreChosenByTheLastLayerThatNamesOne) {
  write("top.yaml", "model: {profile: paper}\n");
  const auto loaded = load_file("top.yaml", {"model.profile=released"});
  EXPECT_EQ(loaded.values.train.batch_size, 1);
  EXPECT_EQ(loaded.values.loss.instance_disambiguation.weight, 0);
  EXPECT_EQ(loaded.values.loss.calibration.weight, 1);
  EXPECT_EQ(loaded.origins.at("loss.grid"), "profile released");
}

TEST_F(Profiles, OfAStoredConfigurationChangeNothingInIt) {
  Config stored = profile_values(Profile::kImproved);
  stored.model.stages = 1;
  stored.loss.instance_disambiguation.weight = 0;
  const auto loaded = load_json(to_json(stored), "last.safetensors", {});
  EXPECT_TRUE(difference(stored, loaded.values).empty());
}

TEST_F(Profiles, DifferFromEachOther) {
  const auto profiles = support::every<Profile>();
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    EXPECT_TRUE(profile_values(profiles[i]).model.profile == profiles[i]);
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_GT(difference(profile_values(profiles[i]), profile_values(profiles[j])).size(), 1U)
          << profiles[i].word() << profiles[j].word();
    }
  }
}

TEST_F(Profiles, OfThePaperAreTheDefaults) {
  EXPECT_TRUE(difference(Config{}, profile_values(Profile::kPaper)).empty());
  EXPECT_EQ(load_defaults({}).values.model.profile.word(), "paper");
}

TEST_F(Profiles, RefuseAnotherName) {
  EXPECT_THROW(load_defaults({"model.profile=ours"}), core::ConfigError);
}

// --- the values themselves ---------------------------------------------------------------------

/// A row of the table in docs/method.md#paper-released-code-tris, and the key that it is.
struct Row {
  std::string key;
  std::string paper;
  std::string released;
  std::string tris = {};  ///< empty: the paper's, or no matter where nothing reads cues
};

const std::vector<Row>& table_of_profiles() {
  const std::string referring = "model.referring.";
  const std::string ras = "loss.region_aware_shrinking.";
  const std::string iad = "loss.instance_disambiguation.";
  static const std::vector<Row> rows = {
      {"model.fusion", "crm", "crm", "attn_fusion"},
      {"model.stages", "3", "1", "1"},
      {referring + "modules", "0", "4"},
      {referring + "cue_residual", "true", "false"},
      {referring + "context", "batch", "shared"},
      {referring + "partner_context", "false", "true"},
      {referring + "context_keys", "transposed", "reshaped"},
      {referring + "response_text", "updated", "vision_updated"},
      {referring + "response", "cosine", "inner_product"},
      {referring + "unit_inputs", "false", "true"},  // docs/released_forward.md#pcnet
      {referring + "projections", "per_attention", "shared"},
      {referring + "stage_cue", "cue_k", "sentence_last"},
      {"eval.map_resize", "once", "released", "released"},
      {ras + "foreground", "response", "clip_score"},
      {ras + "background", "union", "strongest"},
      {ras + "iou", "union", "sum"},
      {ras + "form", "hinge", "released"},
      {ras + "detach_previous", "true", "false"},
      {ras + "foreground_mean", "all", "meeting"},
      {iad + "straight_through", "scores", "softmax"},
      {iad + "distance", "squared_l2", "half_l1"},
      {iad + "tie", "smallest", "first"},
      {iad + "softmax_padding", "false", "true"},
      {iad + "detach_maximum", "true", "false"},
      {"loss.classification.weight", "1.0", "5.0", "5.0"},
      {ras + "weight", "1.0", "0.0", "0.0"},
      {iad + "weight", "1.0", "0.0", "0.0"},
      {"loss.calibration.weight", "0.0", "1.0", "1.0"},
      {"loss.calibration.negatives", "1.0", "2.0", "2.0"},
      {"loss.calibration.mask", "response", "sigmoid", "sigmoid"},
      {"loss.calibration.own", "1.0", "0.0"},
      {"loss.calibration.stages", "last", "all"},
      {"loss.grid", "0", "32"},
      {"loss.map_resize", "logits", "released"},
      {"loss.proposal_resize", "area", "nearest"},
      {"eval.sentences", "all", "first"},
      {"eval.ground_truth", "union", "exclusive", "exclusive"},
      {"data.truncate", "keep_end", "cut", "cut"},
      {"data.image_size", "320", "384"},
      {"data.partners", "1", "1", "3"},  // the negative texts of the calibration
      {"train.epochs", "15", "30"},
      {"train.batch_size", "36", "1", "48"},
      {"model.profile", "paper", "released", "tris"},
  };
  return rows;
}

/// What docs/method.md#the-profile-improved lists, where it differs from the paper.
const std::map<std::string, std::string>& list_of_improved() {
  const std::string referring = "model.referring.";
  const std::string iad = "loss.instance_disambiguation.";
  static const std::map<std::string, std::string> rows = {
      {iad + "weight", "0.5"},
      {iad + "ramp", "0.2"},
      {iad + "maps", "logits"},
      {iad + "dilation", "1"},
      {iad + "gradient", "softmax"},
      {referring + "context", "pair"},
      {referring + "residual_scale", "0.3"},
      {referring + "scaled_inputs", "true"},
      {referring + "unit_inputs", "true"},
      {referring + "visual_update", "off"},
      {"eval.align_corners", "false"},
      {"model.position_channels", "true"},
      {"model.profile", "improved"},
  };
  return rows;
}

std::string value_of(Profile profile, std::string key) {
  std::replace(key.begin(), key.end(), '.', '/');
  const auto values = to_json(profile_values(profile));
  const auto& value = values.at(nlohmann::ordered_json::json_pointer("/" + key));
  return value.is_string() ? value.get<std::string>() : pcnet::core::json_text(value);
}

std::set<std::string> keys_in_which_differ(Profile left, Profile right) {
  std::set<std::string> keys;
  for (const auto& one : difference(profile_values(left), profile_values(right))) {
    keys.insert(one.key);
  }
  return keys;
}

TEST(ProfileValues, AreThoseOfTheTable) {
  std::set<std::string> released;
  std::set<std::string> tris;
  for (const Row& row : table_of_profiles()) {
    const std::string of_tris = row.tris.empty() ? row.paper : row.tris;
    EXPECT_EQ(value_of(Profile::kPaper, row.key), row.paper) << row.key;
    EXPECT_EQ(value_of(Profile::kReleased, row.key), row.released) << row.key;
    EXPECT_EQ(value_of(Profile::kTris, row.key), of_tris) << row.key;
    if (row.released != row.paper) released.insert(row.key);
    if (of_tris != row.paper) tris.insert(row.key);
  }
  EXPECT_EQ(keys_in_which_differ(Profile::kPaper, Profile::kReleased), released);
  EXPECT_EQ(keys_in_which_differ(Profile::kPaper, Profile::kTris), tris);
}

TEST(ProfileValues, AreThoseOfTheListForTheImprovedProfile) {
  std::set<std::string> differing;
  for (const auto& [key, value] : list_of_improved()) {
    EXPECT_EQ(value_of(Profile::kImproved, key), value) << key;
    differing.insert(key);
  }
  EXPECT_EQ(keys_in_which_differ(Profile::kPaper, Profile::kImproved), differing);
  EXPECT_EQ(value_of(Profile::kImproved, "loss.region_aware_shrinking.detach_previous"), "true");
  EXPECT_EQ(value_of(Profile::kImproved, "loss.instance_disambiguation.stages"), "all");
  EXPECT_EQ(value_of(Profile::kImproved, "train.backbone_factor"), "0.1");
}

TEST(ProfileValues, OfThePaperAreThoseOfItsText) {
  // What docs/method.md says where its table of profiles has no row.
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"model.width", "1024"},
           {"model.train_logit_scale", "false"},
           {"model.referring.modulation", "vta_tta"},
           {"model.referring.residual_scale", "0.1"},
           {"model.referring.train_residual_scale", "false"},
           {"model.referring.visual_update", "on"},
           {"loss.region_aware_shrinking.scores", "max"},
           {"loss.region_aware_shrinking.detach_previous", "true"},
           {"loss.instance_disambiguation.scores", "max"},
           {"loss.instance_disambiguation.gradient", "squared_difference"},
           {"loss.instance_disambiguation.maps", "response"},
           {"loss.instance_disambiguation.detach_maximum", "true"},
           {"loss.instance_disambiguation.stages", "all"},
           {"loss.instance_disambiguation.ramp", "0.0"},
           {"loss.kl_divergence.weight", "0.0"},
           {"loss.classification.mean_pooling", "true"},
           {"loss.classification.max_pooling", "true"},
           {"loss.classification.focal_pooling", "true"},
           {"data.text_length", "20"},
           {"data.cues_per_sentence", "5"},
           {"data.proposal_filter.most", "40"},
           {"data.proposal_filter.min_area", "1000"},
           {"train.learning_rate", "5e-05"},
           {"train.backbone_factor", "0.1"},
           {"train.weight_decay", "0.01"},
           {"train.decay_power", "0.9"},
           {"eval.threshold", "1e-09"},
           {"eval.align_corners", "true"},
           {"eval.segmentor", "none"}}) {
    EXPECT_EQ(value_of(Profile::kPaper, key), value) << key;
  }
}

}  // namespace
}  // namespace pcnet::config
