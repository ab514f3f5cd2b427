#include "pcnet/engine/hooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/files.h"
#include "pcnet/core/log.h"

#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

using nlohmann::ordered_json;
using ::testing::ElementsAre;

struct WeightImpl : torch::nn::Module {
  WeightImpl() { weight = register_parameter("weight", torch::tensor({1.0, -2.0})); }
  at::Tensor weight;
};

/// The hooks do no step.
struct NoLearner : Learner {
  losses::Terms losses(const data::Batch&, const StepPlace&) override { return {}; }
};

StepReport report_of(std::int64_t step) {
  return {.step = step,
          .epoch = 1,
          .learning_rate = 0.25,
          .loss = 3,
          .terms = {{"classification", 1.5}},
          .gradient_norm = 2,
          .images = 4};
}

class Hooks : public ::testing::Test {
 protected:
  void SetUp() override { core::log::set_level(core::log::Level::kQuiet); }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  std::vector<ordered_json> lines() const {
    std::vector<ordered_json> lines;
    std::istringstream in(core::read_file(folder_.log()));
    for (std::string line; std::getline(in, line);) lines.push_back(ordered_json::parse(line));
    return lines;
  }

  support::TemporaryFolder temporary_;
  RunFolder folder_{temporary_ / "run"};
  WeightImpl net_;
  AdamW optimizer_{{{"all", 1.0, {{"weight", net_.weight}}}}, {}};
  NoLearner learner_;
  Trainer trainer_{net_, learner_, optimizer_, {}};
  Checkpointer checkpointer_{folder_, net_, trainer_, {{"a", 1}}, {"red"}};
  report::RunLog log_{folder_.log(), 0};
  TrainState state_;
};

TEST_F(Hooks, LogWritesEverySoManySteps) {
  LogHook hook(log_, 2);
  for (std::int64_t step = 1; step <= 5; ++step) hook.after_step(report_of(step), state_);
  const auto written = lines();
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[0].at("event"), "step");
  EXPECT_EQ(written[0].at("step"), 2);
  EXPECT_EQ(written[1].at("step"), 4);
  EXPECT_EQ(written[1].at("epoch"), 1);
  EXPECT_EQ(written[1].at("lr"), 0.25);
  EXPECT_EQ(written[1].at("loss").at("total"), 3);
  EXPECT_EQ(written[1].at("loss").at("classification"), 1.5);
  EXPECT_GT(written[1].at("images_per_second").get<double>(), 0);
}

TEST_F(Hooks, CheckpointWritesEverySoManySteps) {
  CheckpointHook hook(checkpointer_, 3);
  state_.step = 2;
  hook.after_step(report_of(2), state_);
  EXPECT_FALSE(std::filesystem::exists(folder_.last()));
  state_.step = 3;
  hook.after_step(report_of(3), state_);
  const Checkpoint saved = load_checkpoint(folder_.last());
  EXPECT_EQ(saved.state.step, 3);
  EXPECT_EQ(saved.optimizer.size(), 3U);
  EXPECT_THAT(saved.vocabulary, ElementsAre("red"));
  EXPECT_EQ(saved.config, (ordered_json{{"a", 1}}));
  CheckpointHook never(checkpointer_, 0);
  state_.step = 6;
  never.after_step(report_of(6), state_);
  EXPECT_EQ(load_checkpoint(folder_.last()).state.step, 3);
}

TEST_F(Hooks, ValidationKeepsTheBestByPointM) {
  std::vector<double> figures = {40, 60, 60, 50};
  std::size_t calls = 0;
  ValidationHook hook(
      [&] {
        SplitResult result;
        result.scores.point_m = figures.at(calls++);
        return result;
      },
      checkpointer_, log_, 10);
  for (const std::int64_t step : {5, 10, 20, 30, 35}) {
    state_.step = step;
    hook.after_step(report_of(step), state_);
  }
  EXPECT_EQ(calls, 3U);
  hook.after_training(state_);
  hook.after_training(state_);  // that step was validated
  EXPECT_EQ(calls, 4U);
  EXPECT_EQ(state_.best_point_m, 60);
  EXPECT_EQ(state_.best_step, 20);  // the first of equals
  const Checkpoint best = load_checkpoint(folder_.best());
  EXPECT_EQ(best.state.step, 20);
  EXPECT_EQ(best.state.best_point_m, 60);
  EXPECT_TRUE(best.optimizer.empty());
  const auto written = lines();
  ASSERT_EQ(written.size(), 4U);
  EXPECT_EQ(written[3].at("event"), "validation");
  EXPECT_EQ(written[3].at("step"), 35);
  EXPECT_EQ(written[3].at("point_m"), 50);
}

}  // namespace
}  // namespace pcnet::engine
