#include "pcnet/config/profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "config_folder.h"

namespace pcnet::config {
namespace {

using Profiles = ConfigFolder;

TEST_F(Profiles, SetKeysBelowThoseOfTheUser) {
  write("base.yaml", "loss:\n  instance_disambiguation: {ramp: 0.5}\n");
  write("top.yaml",
        "extends: base.yaml\nmodel:\n  profile: improved\n  referring:\n    stages: 2\n");
  const auto loaded = load_file("top.yaml", {"model.referring.cue_scale=0.7"});
  const auto& values = loaded.values;
  EXPECT_EQ(values.loss.instance_disambiguation.ramp, 0.5);
  EXPECT_EQ(values.model.referring.stages, 2);
  EXPECT_EQ(values.model.referring.cue_scale, 0.7);
  EXPECT_EQ(values.model.referring.context, "pair");
  EXPECT_EQ(values.loss.instance_disambiguation.weight, 0.5);
  const auto origin = [&](const char* key) { return without_folder(loaded.origins.at(key)); };
  EXPECT_EQ(origin("loss.instance_disambiguation.ramp"), "base.yaml:2");
  EXPECT_EQ(origin("model.referring.stages"), "top.yaml:5");
  EXPECT_EQ(origin("model.referring.cue_scale"), "--set");
  EXPECT_EQ(origin("model.referring.context"), "profile improved");
  EXPECT_EQ(origin("data.partners"), "profile improved");
  EXPECT_EQ(origin("model.profile"), "top.yaml:3");
  EXPECT_EQ(origin("train.batch_size"), "default");
}

TEST_F(Profiles, AreChosenByTheLastLayerThatNamesOne) {
  write("top.yaml", "model: {profile: paper}\n");
  const auto loaded = load_file("top.yaml", {"model.profile=released"});
  EXPECT_EQ(loaded.values.train.batch_size, 1);
  EXPECT_EQ(loaded.values.loss.instance_disambiguation.weight, 0);
  EXPECT_EQ(loaded.values.loss.calibration.weight, 2);
  EXPECT_EQ(loaded.origins.at("loss.grid"), "profile released");
}

TEST_F(Profiles, OfAStoredConfigurationChangeNothingInIt) {
  Config stored = profile_values("improved");
  stored.model.referring.stages = 1;
  stored.loss.instance_disambiguation.weight = 0;
  const auto loaded = load_json(to_json(stored), "last.safetensors", {});
  EXPECT_TRUE(difference(stored, loaded.values).empty());
}

TEST_F(Profiles, DifferFromEachOther) {
  const auto names = profiles();
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(profile_values(names[i]).model.profile, names[i]);
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_GT(difference(profile_values(names[i]), profile_values(names[j])).size(), 1U)
          << names[i] << names[j];
    }
  }
}

TEST_F(Profiles, OfTrisAreTheDefaults) {
  EXPECT_TRUE(difference(Config{}, profile_values("tris")).empty());
  EXPECT_EQ(Config{}.model.profile, "tris");
}

TEST_F(Profiles, RefuseAnotherName) {
  EXPECT_THROW(profile_values("ours"), core::UsageError);
  EXPECT_THROW(load_defaults({"model.profile=ours"}), core::ConfigError);
}

}  // namespace
}  // namespace pcnet::config
