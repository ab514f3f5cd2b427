#include "pcnet/engine/hooks.h"

#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/validation_hook.h"
#include "pcnet/image/picture.h"

#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

using nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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
          .images = 4,
          .seconds = 0.5};
}

class Hooks : public ::testing::Test {
 protected:
  void SetUp() override { core::log::set_level(core::log::Level::kQuiet); }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  std::vector<ordered_json> lines() const {
    std::vector<ordered_json> lines;
    std::istringstream in(core::read_file(folder_.log()));
    for (std::string line; std::getline(in, line);)
      lines.push_back(pcnet::core::parse_json<ordered_json>(line));
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

  /// Calls a hook as the trainer does. @return whether it needed the weights
  bool saves_at(Hook& hook, std::int64_t step) {
    const bool needed = hook.needs_weights(step);
    state_.step = step;
    hook.after_step(report_of(step), state_);
    return needed;
  }
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
}

TEST_F(Hooks, CheckpointWritesEverySoManySteps) {
  CheckpointHook hook(checkpointer_, 3);
  EXPECT_FALSE(saves_at(hook, 2));
  EXPECT_FALSE(std::filesystem::exists(folder_.last()));
  EXPECT_TRUE(saves_at(hook, 3));
  const Checkpoint saved = load_checkpoint(folder_.last());
  EXPECT_EQ(saved.state.step, 3);
  EXPECT_EQ(saved.optimizer.size(), 3U);
  EXPECT_THAT(saved.vocabulary, ElementsAre("red"));
  EXPECT_EQ(saved.config, (ordered_json{{"a", 1}}));
  CheckpointHook never(checkpointer_, 0);
  EXPECT_FALSE(saves_at(never, 6));
  EXPECT_EQ(load_checkpoint(folder_.last()).state.step, 3);
}

TEST_F(Hooks, CheckpointKeepsTheOneBefore) {
  CheckpointHook hook(checkpointer_, 1);
  for (const std::int64_t step : {1, 2, 3}) EXPECT_TRUE(saves_at(hook, step));
  EXPECT_EQ(load_checkpoint(folder_.last()).state.step, 3);
  EXPECT_EQ(load_checkpoint(folder_.previous()).state.step, 2);
}

TEST_F(Hooks, LogCountsTheSecondsOfTheStepsAlone) {
  LogHook hook(log_, 2);
  for (std::int64_t step = 1; step <= 4; ++step) hook.after_step(report_of(step), state_);
  const auto written = lines();
  EXPECT_DOUBLE_EQ(written[0].at("images_per_second"), 8);  // 2 x 4 in 2 x 0.5 s
  EXPECT_DOUBLE_EQ(written[1].at("images_per_second"), 8);
  EXPECT_EQ(hook.images(), 16);
  EXPECT_DOUBLE_EQ(hook.seconds(), 2);
}

TEST_F(Hooks, LogTellsTheScaleOfTheLossInHalfPrecision) {
  LogHook hook(log_, 1);
  StepReport scaled = report_of(1);
  scaled.loss_scale = 32768;
  scaled.overflowed = true;
  scaled.overflows = 3;
  hook.after_step(scaled, state_);
  hook.after_step(report_of(2), state_);
  const auto written = lines();
  EXPECT_EQ(written[0].at("loss_scale"), 32768);
  EXPECT_EQ(written[0].at("overflows"), 3);
  EXPECT_FALSE(written[1].contains("loss_scale"));
}

TEST_F(Hooks, LogLeavesASkippedStepToItsOwnEvent) {
  report::TensorBoard board(folder_.path(), 0);
  LogHook hook(log_, 1, &board);
  const auto size = std::filesystem::file_size(board.path());
  StepReport skipped = report_of(1);
  skipped.skipped = true;
  skipped.loss = std::numeric_limits<double>::quiet_NaN();
  hook.after_step(skipped, state_);
  EXPECT_EQ(lines().size(), 0U);
  EXPECT_EQ(std::filesystem::file_size(board.path()), size);
}

TEST_F(Hooks, LogGivesTensorBoardTheSameNumbers) {
  report::TensorBoard board(folder_.path(), 0);
  LogHook hook(log_, 2, &board);
  hook.after_step(report_of(1), state_);
  hook.after_step(report_of(2), state_);
  const std::string wanted = report::scalars_event(0, 2,
                                                   {{"loss/total", 3},
                                                    {"loss/classification", 1.5},
                                                    {"lr", 0.25},
                                                    {"gradient_norm", 2},
                                                    {"images_per_second", 8}});
  const std::string bytes = core::read_file(board.path());
  EXPECT_THAT(bytes, HasSubstr(wanted.substr(9)));  // after the time
  EXPECT_THAT(bytes, Not(HasSubstr(report::scalars_event(0, 1, {}).substr(9, 3))));
}

TEST_F(Hooks, ProgressEndsWithMeansAndScores) {
  core::log::set_level(core::log::Level::kInfo);
  testing::internal::CaptureStderr();
  {
    ProgressHook hook(10, 0, 4, "mIoU");
    StepReport report = report_of(1);
    state_.step = 1;
    hook.after_step(report, state_);
    report.loss = 23;
    report.terms = {{"classification", 1.5}, {"calibration", 2}};
    hook.after_step(report, state_);
    report.loss = std::numeric_limits<double>::quiet_NaN();
    report.skipped = true;
    hook.after_step(report, state_);  // changes no mean
    state_.step = 3;
    state_.validated_step = 3;
    state_.last_score = 41.25;
    state_.best_score = 43.5;
    hook.after_training(state_);
  }
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_THAT(line, HasSubstr("3/10 steps"));
  // 3 + 0.05 x (23 - 3)
  EXPECT_THAT(line, HasSubstr(", loss 4.0000, mIoU 41.2 (best 43.5), classification 1.5000, "
                              "calibration 2.0000\n"));
}

class ValidationHooks : public Hooks {
 protected:
  /// Its validations score the figures given, one after the other.
  ValidationHook hook_with(const ValidationHook::Options& options,
                           const std::vector<metrics::Scores>& figures) {
    return {[this, figures] {
              Validation validation;
              validation.result.scores = figures.at(calls_++);
              return validation;
            },
            {folder_, checkpointer_, log_},
            options};
  }
  static std::vector<metrics::Scores> points(const std::vector<double>& values) {
    std::vector<metrics::Scores> figures(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) figures[i].point_m = values[i];
    return figures;
  }
  void take_steps(ValidationHook& hook, const std::vector<std::int64_t>& steps) {
    for (const std::int64_t step : steps) {
      state_.step = step;
      hook.after_step(report_of(step), state_);
      if (state_.stopped_early) break;
    }
  }

  std::size_t calls_ = 0;
};

TEST_F(ValidationHooks, KeepTheBestByPointM) {
  ValidationHook hook = hook_with({.every = 10}, points({40, 60, 60, 50}));
  take_steps(hook, {5, 10, 20, 30, 35});
  EXPECT_EQ(calls_, 3U);
  hook.after_training(state_);
  hook.after_training(state_);  // that step was validated
  EXPECT_EQ(calls_, 4U);
  EXPECT_EQ(state_.best_score, 60);
  EXPECT_EQ(state_.best_step, 20);  // the first of equals
  EXPECT_EQ(state_.last_score, 50);
  EXPECT_EQ(state_.validations_without_better, 2);
  EXPECT_FALSE(state_.stopped_early);  // any number of them
  ASSERT_TRUE(hook.best());
  EXPECT_EQ(hook.best()->scores.point_m, 60);
  const Checkpoint best = load_checkpoint(folder_.best());
  EXPECT_EQ(best.state.step, 20);
  EXPECT_EQ(best.state.best_score, 60);
  EXPECT_TRUE(best.optimizer.empty());
  const auto written = lines();
  ASSERT_EQ(written.size(), 4U);
  EXPECT_EQ(written[3].at("event"), "validation");
  EXPECT_EQ(written[3].at("step"), 35);
  EXPECT_EQ(written[3].at("point_m"), 50);
  EXPECT_EQ(written[3].at("metric"), "point_m");
  EXPECT_EQ(written[3].at("best_step"), 20);
  EXPECT_GE(written[3].at("seconds").get<double>(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.samples()));
}

TEST_F(ValidationHooks, KeepTheBestByTheNamedFigure) {
  const std::vector<metrics::Scores> figures = {
      {.point_m = 3, .miou = 1, .oiou = 2, .precision = {}},
      {.point_m = 2, .miou = 3, .oiou = 1, .precision = {}},
      {.point_m = 1, .miou = 2, .oiou = 3, .precision = {}}};
  const std::map<config::Figure, std::int64_t> wanted = {
      {config::Figure::kPointM, 1}, {config::Figure::kMiou, 2}, {config::Figure::kOiou, 3}};
  for (const auto& [asked, step] : wanted) {
    const config::Choice<config::Figure> metric = asked;
    calls_ = 0;
    state_ = {};
    ValidationHook hook = hook_with({.every = 1, .best_metric = metric}, figures);
    take_steps(hook, {1, 2, 3});
    EXPECT_EQ(state_.best_step, step) << metric.word();
    EXPECT_EQ(state_.best_score, 3) << metric.word();
    EXPECT_EQ(load_checkpoint(folder_.best()).state.step, step) << metric.word();
    EXPECT_EQ(lines().back().at("metric"), metric.word());
  }
}

TEST_F(ValidationHooks, ComeByStepsAndByEpochs) {
  ValidationHook hook = hook_with({.every = 4, .also_every = 6}, points({1, 1, 1, 1}));
  take_steps(hook, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  EXPECT_EQ(calls_, 4U);
  std::vector<std::int64_t> steps;
  for (const auto& line : lines()) steps.push_back(line.at("step"));
  EXPECT_THAT(steps, ElementsAre(4, 6, 8, 12));
}

TEST_F(ValidationHooks, EndTheTrainingWhenNothingGetsBetter) {
  ValidationHook hook = hook_with({.every = 1, .patience = 2}, points({5, 4, 6, 6, 5, 9}));
  take_steps(hook, {1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(state_.stopped_early);
  EXPECT_EQ(state_.step, 5);
  EXPECT_EQ(state_.best_step, 3);
  EXPECT_EQ(lines().back().at("event"), "early_stop");
  EXPECT_EQ(lines().back().at("validations_without_better"), 2);
}

TEST_F(ValidationHooks, CountOnFromTheStateOfAResumedRun) {
  state_ = {.step = 7, .best_score = 50, .best_step = 3, .validations_without_better = 1};
  ValidationHook hook = hook_with({.every = 7, .patience = 2}, points({40}));
  hook.before_training(state_);  // it was stopped in that validation
  EXPECT_TRUE(state_.stopped_early);
  EXPECT_FALSE(hook.best());
}

TEST_F(ValidationHooks, WriteTheSheetOfAnswersAndGiveItToTensorBoard) {
  report::TensorBoard board(folder_.path(), 0);
  image::Picture sheet(2, 3);
  sheet.rgb.assign(sheet.rgb.size(), 90);
  ValidationHook hook(
      [&] {
        Validation validation;
        validation.result.scores.miou = 20;
        validation.samples = sheet;
        return validation;
      },
      {folder_, checkpointer_, log_, &board}, {.every = 1, .split = "testA"});
  take_steps(hook, {4});
  const auto path = folder_.samples() / "testA_step4.png";
  EXPECT_EQ(image::read_picture(path).rgb, sheet.rgb);
  const std::string bytes = core::read_file(board.path());
  EXPECT_THAT(
      bytes,
      HasSubstr(report::image_event(0, 4, "val/samples", {2, 3, core::read_file(path)}).substr(9)));
  EXPECT_THAT(bytes, HasSubstr(report::scalars_event(0, 4,
                                                     {{"val/point_m", 0},
                                                      {"val/miou", 20},
                                                      {"val/oiou", 0},
                                                      {"val/empty_maps", 0},
                                                      {"val/collisions", 0}})
                                   .substr(9)));
}

}  // namespace
}  // namespace pcnet::engine
