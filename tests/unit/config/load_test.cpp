#include <nlohmann/json.hpp>

#include "config_folder.h"

namespace pcnet::config {
namespace {

using Load = ConfigFolder;

TEST_F(Load, PutsDefaultsUnderExtendsUnderFileUnderOverrides) {
  write("base.yaml", "train: {batch_size: 1, epochs: 1, max_steps: 1}\n");
  write("sub/middle.yaml", "extends: ../base.yaml\ntrain:\n  batch_size: 2\n  epochs: 2\n");
  write("top.yaml", "extends: sub/middle.yaml\ntrain:\n  batch_size: 3\n");
  const auto loaded = load_file("top.yaml", {"train.log_every=4", "train.log_every=5"});
  EXPECT_EQ(loaded.values.train.batch_size, 3);
  EXPECT_EQ(loaded.values.train.epochs, 2);
  EXPECT_EQ(loaded.values.train.max_steps, 1);
  EXPECT_EQ(loaded.values.train.log_every, 5);
  EXPECT_EQ(loaded.values.train.eval_every, TrainOptions{}.eval_every);

  const auto origin = [&](const char* key) { return without_folder(loaded.origins.at(key)); };
  EXPECT_EQ(origin("train.batch_size"), "top.yaml:3");
  EXPECT_EQ(origin("train.epochs"), "sub/middle.yaml:4");
  EXPECT_EQ(origin("train.max_steps"), "base.yaml:1");
  EXPECT_EQ(origin("train.log_every"), "--set");
  EXPECT_EQ(origin("train.eval_every"), "default");
}

TEST_F(Load, LetsALaterFileOfAListWin) {
  write("a.yaml", "run: {seed: 1, threads: 1}\n");
  write("b.yaml", "run: {seed: 2}\n");
  write("top.yaml", "extends: [a.yaml, b.yaml]\n");
  const auto loaded = load_file("top.yaml");
  EXPECT_EQ(loaded.values.run.seed, 2);
  EXPECT_EQ(loaded.values.run.threads, 1);
}

TEST_F(Load, AllowsTwoFilesToExtendTheSameOne) {
  write("base.yaml", "run: {seed: 1}\n");
  write("a.yaml", "extends: base.yaml\n");
  write("b.yaml", "extends: base.yaml\n");
  write("top.yaml", "extends: [a.yaml, b.yaml]\n");
  EXPECT_EQ(load_file("top.yaml").values.run.seed, 1);
}

TEST_F(Load, ReadsJsonAsWell) {
  write("a.json",
        "{\n  \"train\": {\"learning_rate\": 1e-4, \"batch_size\": 8},\n"
        "  \"eval\": {\"splits\": [\"val\", \"testA\"], \"align_corners\": false}\n}\n");
  const auto loaded = load_file("a.json");
  EXPECT_EQ(loaded.values.train.learning_rate, 1e-4);
  EXPECT_EQ(loaded.values.train.batch_size, 8);
  EXPECT_EQ(loaded.values.eval.splits, (std::vector<std::string>{"val", "testA"}));
  EXPECT_FALSE(loaded.values.eval.align_corners);
  EXPECT_EQ(without_folder(loaded.origins.at("eval.splits")), "a.json:3");
}

TEST_F(Load, TakesAnEmptyFileForTheDefaults) {
  write("a.yaml", "# nothing\n");
  EXPECT_EQ(to_yaml(load_file("a.yaml").values), to_yaml(Config{}));
}

TEST_F(Load, ReadsOverAByteOrderMark) {
  write("a.yaml", "\xef\xbb\xbftrain: {batch_size: 3}\n");
  EXPECT_EQ(load_file("a.yaml").values.train.batch_size, 3);
}

TEST_F(Load, ReadsOverridesAsYaml) {
  const auto values = load_defaults({"model.clip.visual.layers=[1, 2,3,4]", "data.root=a b=c",
                                     "data.images=\"\"", "train.learning_rate=5",
                                     "loss.classification={weight: 2, max_pooling: false}"})
                          .values;
  EXPECT_EQ(values.model.clip.visual.layers, (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(values.data.root, "a b=c");
  EXPECT_EQ(values.data.images, "");
  EXPECT_EQ(values.train.learning_rate, 5.0);
  EXPECT_EQ(values.loss.classification.weight, 2.0);
  EXPECT_FALSE(values.loss.classification.max_pooling);
}

TEST_F(Load, KeepsTextThatLooksLikeAnotherType) {
  const auto values = load_defaults({"data.root=5", "data.images=true", "data.cues=1e3"}).values;
  EXPECT_EQ(values.data.root, "5");
  EXPECT_EQ(values.data.images, "true");
  EXPECT_EQ(values.data.cues, "1e3");
}

TEST_F(Load, PutsOverridesOverAStoredConfiguration) {
  Config stored;
  stored.train.batch_size = 7;
  stored.train.learning_rate = 0.1 + 0.2;
  stored.data.root = "a \"quoted\"\\ root\n\t\x01";
  const auto loaded = load_json(to_json(stored), "last.safetensors", {"run.seed=3"});
  EXPECT_EQ(loaded.values.train.learning_rate, 0.1 + 0.2);
  EXPECT_EQ(loaded.values.data.root, stored.data.root);
  EXPECT_EQ(loaded.values.run.seed, 3);
  EXPECT_EQ(loaded.origins.at("train.batch_size"), "last.safetensors");
  EXPECT_EQ(loaded.origins.at("run.seed"), "--set");
}

}  // namespace
}  // namespace pcnet::config
