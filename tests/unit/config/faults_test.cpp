#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "config_folder.h"

namespace pcnet::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct FaultCase {
  const char* yaml;
  const char* message;
};

class OneFault : public ConfigFolder, public ::testing::WithParamInterface<FaultCase> {};

TEST_P(OneFault, IsNamedWithFileLineAndKey) {
  write("a.yaml", GetParam().yaml);
  EXPECT_EQ(faults("a.yaml"), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, OneFault,
    ::testing::Values(
        FaultCase{
            "train:\n  batch_sise: 3\n",
            "a.yaml:2: unknown key \"train.batch_sise\" (did you mean \"train.batch_size\"?)"},
        FaultCase{"modle: {width: 3}\n",
                  "a.yaml:1: unknown key \"modle\" (did you mean \"model\"?)"},
        FaultCase{
            "learning_rate: 1\n",
            "a.yaml:1: unknown key \"learning_rate\" (did you mean \"train.learning_rate\"?)"},
        FaultCase{
            "train:\n  temperature: 3\n",
            "a.yaml:2: unknown key \"train.temperature\"; `pcnet config docs` lists the keys"},
        FaultCase{"run:\n  seed: 1\n  seed: 1\n",
                  "a.yaml:3: duplicate key \"run.seed\", first given at a.yaml:2"},
        FaultCase{"run: {[1]: 1}\n", "a.yaml:1: got a list as a key, wanted a word"},
        FaultCase{"model: 3\n", "a.yaml:1: model: got 3, wanted a section (a mapping of keys)"},
        FaultCase{"model:\n", "a.yaml:1: model: got nothing, wanted a section (a mapping of keys)"},
        FaultCase{"- 1\n", "a.yaml: got a list, wanted sections (data, model, ...)"}));

INSTANTIATE_TEST_SUITE_P(
    Values, OneFault,
    ::testing::Values(
        FaultCase{"train:\n  batch_size: many\n",
                  "a.yaml:2: train.batch_size: got \"many\", wanted an integer >= 1"},
        FaultCase{"train: {batch_size: 0}\n",
                  "a.yaml:1: train.batch_size: got 0, wanted an integer >= 1"},
        FaultCase{"train: {batch_size: 1.5}\n",
                  "a.yaml:1: train.batch_size: got 1.5, wanted an integer >= 1"},
        FaultCase{"train: {batch_size: 1e3}\n",
                  "a.yaml:1: train.batch_size: got 1e3, wanted an integer >= 1"},
        FaultCase{"train: {batch_size: 99999999999999999999}\n",
                  "a.yaml:1: train.batch_size: got 99999999999999999999, wanted an integer >= 1"},
        FaultCase{"train: {batch_size: \"8\"}\n",
                  "a.yaml:1: train.batch_size: got the text \"8\", "
                  "wanted an integer >= 1 without quotes"},
        FaultCase{"train: {batch_size: [8]}\n",
                  "a.yaml:1: train.batch_size: got a list, wanted an integer >= 1"},
        FaultCase{"data: {image_size: {x: 1}}\n",
                  "a.yaml:1: data.image_size: got a section, wanted an integer >= 32"},
        FaultCase{"eval: {threshold: 2}\n",
                  "a.yaml:1: eval.threshold: got 2, wanted a number from 0 to 1"},
        FaultCase{"eval: {threshold: .nan}\n",
                  "a.yaml:1: eval.threshold: got \".nan\", wanted a number from 0 to 1"},
        FaultCase{"train: {learning_rate: inf}\n",
                  "a.yaml:1: train.learning_rate: got \"inf\", wanted a number >= 0"},
        FaultCase{"eval: {align_corners: yes}\n",
                  "a.yaml:1: eval.align_corners: got \"yes\", wanted true or false"},
        FaultCase{"data: {cache: memroy}\n",
                  "a.yaml:1: data.cache: got \"memroy\", wanted one of "
                  "memory, none (did you mean \"memory\"?)"},
        FaultCase{"data: {root: }\n",
                  "a.yaml:1: data.root: got nothing, wanted text; \"\" is the empty text"},
        FaultCase{"eval: {splits: val}\n",
                  "a.yaml:1: eval.splits: got \"val\", wanted a list of texts, e.g. [val, testA]"},
        FaultCase{
            "model: {clip: {visual: {layers: [3, x]}}}\n",
            "a.yaml:1: model.clip.visual.layers: item 2: got \"x\", wanted an integer >= 1"}));

INSTANTIATE_TEST_SUITE_P(
    Files, OneFault,
    ::testing::Values(
        FaultCase{"extends: none.yaml\n",
                  "a.yaml:1: extends: cannot read none.yaml: No such file or directory"},
        FaultCase{"extends: a.yaml\n", "a.yaml:1: extends: circular: a.yaml extends itself"},
        FaultCase{"extends: {x: 1}\n",
                  "a.yaml:1: extends: got a section, wanted a file name or a list of them"},
        FaultCase{"run: {seed: 1}\n---\nrun: {seed: 2}\n",
                  "a.yaml: holds 2 YAML documents, wanted one"}));

using Faults = ConfigFolder;

TEST_F(Faults, AreAllReportedAtOnceInOrder) {
  write("base.yaml", "run: {seed: -1}\n");
  write("a.yaml", "extends: [base.yaml, none.yaml]\ntrain:\n  epochs: x\n  dwarfs: 3\n");
  EXPECT_EQ(faults("a.yaml", {"a", "=3", "run.threads=-1", "nothing=1"}),
            "a.yaml:1: extends: cannot read none.yaml: No such file or directory\n"
            "--set: got \"a\", wanted key=value, e.g. train.batch_size=8\n"
            "--set: got \"=3\", wanted key=value, e.g. train.batch_size=8\n"
            "base.yaml:1: run.seed: got -1, wanted an integer >= 0\n"
            "a.yaml:3: train.epochs: got \"x\", wanted an integer >= 0\n"
            "a.yaml:4: unknown key \"train.dwarfs\"; `pcnet config docs` lists the keys\n"
            "--set: run.threads: got -1, wanted an integer from 0 to 1024\n"
            "--set: unknown key \"nothing\"; `pcnet config docs` lists the keys");
}

TEST_F(Faults, NameBrokenYamlWithItsLine) {
  write("a.yaml", "train:\n  epochs: [1\n");
  EXPECT_THAT(faults("a.yaml"), StartsWith("a.yaml:3: broken YAML: "));
  EXPECT_THAT(faults("a.yaml", {"run.seed=[1"}), HasSubstr("--set: run.seed: broken YAML: "));
}

TEST_F(Faults, SayHowToWriteAPathOfWindows) {
  write("a.yaml", "data:\n  root: \"C:\\data\"\n");
  EXPECT_THAT(faults("a.yaml"), HasSubstr("a backslash is written twice, paths can have slashes"));
}

TEST_F(Faults, NameAMissingFileAndAFolder) {
  EXPECT_EQ(faults("none.yaml"), "cannot read none.yaml: No such file or directory");
  EXPECT_THAT(faults("."), HasSubstr("it is a folder"));
}

TEST_F(Faults, FindCirclesThroughOtherFiles) {
  write("a.yaml", "extends: b.yaml\n");
  write("b.yaml", "extends: ./a.yaml\n");
  EXPECT_EQ(faults("a.yaml"),
            "b.yaml:1: extends: circular: a.yaml extends itself through other files");
}

TEST_F(Faults, ExtendsIsNoKeyOfOverridesAndStoredConfigurations) {
  EXPECT_THROW(load_defaults({"extends=a.yaml"}), core::ConfigError);
  EXPECT_THROW(load_json({{"extends", "a.yaml"}}, "x", {}), core::ConfigError);
}

TEST_F(Faults, StayOnOneLineEach) {
  write("a.yaml",
        "train: {epochs: \"a\\nb\", \"x\\ny\": 1, log_every: " + std::string(99, 'z') + "}\n");
  EXPECT_EQ(faults("a.yaml"),
            "a.yaml:1: train.epochs: got \"a\\nb\", wanted an integer >= 0\n"
            "a.yaml:1: unknown key \"train.x\\ny\"; `pcnet config docs` lists the keys\n"
            "a.yaml:1: train.log_every: got \"" +
                std::string(60, 'z') + "\"..., wanted an integer >= 1");
}

TEST_F(Faults, ExitWithTwo) {
  try {
    load_defaults({"a"});
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
  }
}

}  // namespace
}  // namespace pcnet::config
