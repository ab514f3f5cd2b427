#include "pcnet/engine/trainer.h"

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/non_finite.h"
#include "pcnet/model/baseline.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/cuda.h"
#include "support/hand_dataset.h"
#include "support/temporary_folder.h"
#include "support/tiny.h"

namespace pcnet::engine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct WeightImpl : torch::nn::Module {
  WeightImpl() { weight = register_parameter("weight", torch::tensor({1.0, -2.0})); }
  at::Tensor weight;
};

/// Loss = factor x |weight|^2; `factor` is the test's.
class SquareLearner : public Learner {
 public:
  explicit SquareLearner(const WeightImpl& net) : net_(net) {}
  losses::Terms losses(const data::Batch&, const StepPlace&) override {
    losses::Terms terms;
    at::Tensor square = net_.weight.pow(2).sum();
    terms.add("square", factor, root_at_zero ? (square * 0).sqrt() : square);
    return terms;
  }
  double factor = 0.5;
  bool root_at_zero = false;  // a finite loss whose gradient is not

 private:
  const WeightImpl& net_;
};

data::Batch some_batch() {
  return {torch::zeros({3, 3, 2, 2}, torch::kByte), torch::zeros({1, 3}, torch::kInt64),
          torch::zeros({3, 1}, torch::kInt64)};
}

class TrainerTest : public ::testing::Test {
 protected:
  Trainer trainer(const Trainer::Options& options) { return {net_, learner_, optimizer_, options}; }

  WeightImpl net_;
  SquareLearner learner_{net_};
  AdamW optimizer_{{{"all", 1.0, {{"weight", net_.weight}}}}, {.weight_decay = 0}};
};

TEST_F(TrainerTest, ReportsWhatAStepDid) {
  Trainer trainer =
      this->trainer({.learning_rate = 0.1, .schedule = {.total_steps = 10, .warmup_steps = 2}});
  net_.eval();
  const StepReport report = trainer.step(some_batch(), 0);
  EXPECT_EQ(report.step, 1);
  EXPECT_DOUBLE_EQ(report.learning_rate, 0.05);
  EXPECT_NEAR(report.loss, 2.5, 1e-6);
  ASSERT_EQ(report.terms.size(), 1U);
  EXPECT_EQ(report.terms[0].first, "square");
  EXPECT_NEAR(report.terms[0].second, 5, 1e-6);
  EXPECT_NEAR(report.gradient_norm, std::sqrt(5.0), 1e-5);
  EXPECT_EQ(report.images, 3);
  EXPECT_TRUE(net_.is_training());
  EXPECT_TRUE(at::allclose(net_.weight, torch::tensor({0.95, -1.95}), 1e-4, 1e-5));
}

TEST_F(TrainerTest, ForgetsTheGradientOfTheStepBefore) {
  Trainer trainer = this->trainer({.learning_rate = 0, .schedule = {.total_steps = 10}});
  const double first = trainer.step(some_batch(), 0).gradient_norm;
  EXPECT_DOUBLE_EQ(trainer.step(some_batch(), 1).gradient_norm, first);
}

TEST_F(TrainerTest, StopsAtALossThatIsNotFiniteAndKeepsTheWeights) {
  Trainer trainer = this->trainer({.learning_rate = 0.1, .schedule = {.total_steps = 10}});
  const at::Tensor before = net_.weight.detach().clone();
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    learner_.factor = bad;
    EXPECT_THAT([&] { trainer.step(some_batch(), 4); },
                ThrowsMessage<core::Error>(
                    AllOf(HasSubstr("the loss is"), HasSubstr("step 5"), HasSubstr("square"))));
    EXPECT_TRUE(at::equal(net_.weight, before));
  }
}

TEST_F(TrainerTest, StopsAtAGradientThatIsNotFiniteAndKeepsTheWeights) {
  Trainer trainer =
      this->trainer({.learning_rate = 0.1, .clip_norm = 1, .schedule = {.total_steps = 10}});
  const at::Tensor before = net_.weight.detach().clone();
  learner_.root_at_zero = true;
  EXPECT_THAT([&] { trainer.step(some_batch(), 0); },
              ThrowsMessage<core::Error>(HasSubstr("the gradient norm is")));
  EXPECT_TRUE(at::equal(net_.weight, before));
}

/// Its gradient passes through half precision: `factor` times the loss scale, for each weight.
class HalfLearner : public Learner {
 public:
  explicit HalfLearner(const WeightImpl& net) : net_(net) {}
  losses::Terms losses(const data::Batch&, const StepPlace&) override {
    losses::Terms terms;
    terms.add("half", 1, (net_.weight.to(at::kHalf) * factor).to(at::kFloat).sum());
    return terms;
  }
  double factor = 8;

 private:
  const WeightImpl& net_;
};

TEST_F(TrainerTest, SkipsStepsThatOverflowInFp16UntilTheScaleFits) {
  HalfLearner learner(net_);
  Trainer trainer(net_, learner, optimizer_,
                  {.learning_rate = 0.1,
                   .schedule = {.total_steps = 10, .decay_power = 0},
                   .precision = Precision::kFp16});
  const at::Tensor before = net_.weight.detach().clone();
  // 65536 x 8 and the halves down to 8192 x 8 = 65536 are beyond 65504, the largest half.
  for (std::int64_t step = 0; step < 4; ++step) {
    const StepReport report = trainer.step(some_batch(), step);
    EXPECT_TRUE(report.overflowed) << step;
    EXPECT_EQ(report.overflows, step + 1);
    EXPECT_EQ(report.loss_scale, std::ldexp(65536, -static_cast<int>(step)));
    EXPECT_TRUE(at::equal(net_.weight, before));
  }
  const StepReport good = trainer.step(some_batch(), 4);
  EXPECT_FALSE(good.overflowed);
  EXPECT_EQ(good.loss_scale, 4096);
  EXPECT_EQ(good.overflows, 4);
  EXPECT_NEAR(good.gradient_norm, 8 * std::sqrt(2.0), 1e-5);  // that of the loss, not the scaled
  EXPECT_NEAR(good.loss, 8 * (1 - 2), 1e-6);
  EXPECT_TRUE(at::allclose(net_.weight, before - 0.1));
}

TEST_F(TrainerTest, GivesUpOnAGradientThatOverflowsAtAnyScale) {
  Trainer trainer = this->trainer(
      {.learning_rate = 0.1, .schedule = {.total_steps = 100}, .precision = Precision::kFp16});
  const at::Tensor before = net_.weight.detach().clone();
  learner_.root_at_zero = true;
  std::int64_t step = 0;
  EXPECT_THAT(
      [&] {
        for (; step < 100; ++step) trainer.step(some_batch(), step);
      },
      ThrowsMessage<core::Error>(HasSubstr("bf16 or fp32")));
  EXPECT_EQ(step, 26);
  EXPECT_TRUE(at::equal(net_.weight, before));
}

TEST_F(TrainerTest, MeasuresThePrecisionOnceWhenItIsLeftToIt) {
  core::log::set_level(core::log::Level::kQuiet);
  Trainer trainer = this->trainer({.learning_rate = 0.1,
                                   .schedule = {.total_steps = 10, .decay_power = 0},
                                   .precision = std::nullopt});
  EXPECT_FALSE(trainer.state().contains("precision"));
  trainer.step(some_batch(), 0);
  core::log::set_level(core::log::Level::kInfo);
  EXPECT_TRUE(at::allclose(net_.weight, torch::tensor({0.9, -1.9}), 1e-4, 1e-5));  // one step
  ASSERT_TRUE(trainer.state().contains("precision"));
  // A resumed run goes on in what was measured: here fp16, by its scaler.
  auto state = trainer.state();
  state["precision"] = torch::tensor(static_cast<std::int64_t>(Precision::kFp16));
  state.merge(GradientScaler().state());
  Trainer resumed = this->trainer({.schedule = {.total_steps = 10}, .precision = std::nullopt});
  resumed.load_state(state);
  EXPECT_EQ(resumed.step(some_batch(), 1).loss_scale, 65536);
}

TEST_F(TrainerTest, GoesOnExactlyFromItsStateWithMeanAndScale) {
  const Trainer::Options options{.learning_rate = 0.1,
                                 .schedule = {.total_steps = 20},
                                 .precision = Precision::kFp16,
                                 .ema_decay = 0.9};
  HalfLearner learner(net_);
  Trainer whole(net_, learner, optimizer_, options);
  WeightImpl net;
  HalfLearner other_learner(net);
  AdamW other_optimizer({{"all", 1.0, {{"weight", net.weight}}}}, {.weight_decay = 0});
  Trainer resumed(net, other_learner, other_optimizer, options);
  for (std::int64_t step = 0; step < 9; ++step) {
    if (step == 6) {
      std::map<std::string, at::Tensor> saved;
      for (const auto& [name, tensor] : whole.state()) saved[name] = tensor.clone();
      EXPECT_TRUE(saved.contains("ema.weight"));
      EXPECT_EQ(saved.at("scaler.skipped").item<std::int64_t>(), 4);
      const torch::NoGradGuard no_grad;
      net.weight.copy_(net_.weight);
      resumed.load_state(saved);
    }
    const StepReport report = whole.step(some_batch(), step);
    if (step < 6) continue;
    EXPECT_EQ(resumed.step(some_batch(), step).overflows, report.overflows);
  }
  EXPECT_TRUE(at::equal(net.weight, net_.weight));
  EXPECT_TRUE(at::equal(resumed.state().at("ema.weight"), whole.state().at("ema.weight")));
  const at::Tensor weights = net.weight.detach().clone();
  {
    const AveragedWeights averaged = resumed.averaged_weights();
    EXPECT_TRUE(at::equal(net.weight, whole.state().at("ema.weight")));
    EXPECT_FALSE(at::equal(net.weight, weights));
  }
  EXPECT_TRUE(at::equal(net.weight, weights));
}

/// Notes the steps and the state it was called with.
class NotingHook : public Hook {
 public:
  explicit NotingHook(std::vector<std::string>& notes) : notes_(notes) {}
  void after_step(const StepReport& report, TrainState& state) override {
    notes_.push_back(std::to_string(report.step) + "/" + std::to_string(report.epoch) + "/" +
                     std::to_string(state.epoch));
  }
  void after_training(TrainState& state) override {
    notes_.push_back("end " + std::to_string(state.step));
  }

 private:
  std::vector<std::string>& notes_;
};

class TrainingRun : public ::testing::Test {
 protected:
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    support::small_dataset().write(folder_.path());
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  support::TemporaryFolder folder_;
};

TEST_F(TrainingRun, GoesFromItsStepToTheEndAndCallsTheHooks) {
  data::Dataset dataset(support::options_for(folder_.path()));
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  data::ReferringSamples samples(dataset, tokenizer);  // 3 samples: 3 steps an epoch
  WeightImpl net;
  SquareLearner learner(net);
  AdamW optimizer({{"all", 1.0, {{"weight", net.weight}}}}, {});
  Trainer trainer(net, learner, optimizer, {.learning_rate = 0.1, .schedule = {.total_steps = 7}});
  std::vector<std::string> notes;
  trainer.add_hook(std::make_unique<NotingHook>(notes));
  data::Loader loader(samples, {.batch_size = 1, .seed = 0, .first = 4, .last = 7, .prefetch = 0});
  TrainState state{.step = 4, .epoch = 1};
  EXPECT_TRUE(trainer.run(loader, 3, torch::kCPU, state));
  EXPECT_THAT(notes, ElementsAre("5/1/1", "6/1/2", "7/2/2", "end 7"));
  EXPECT_EQ(state.step, 7);
}

/// Ends the training early after its step.
class EarlyHook : public Hook {
 public:
  explicit EarlyHook(std::int64_t step) : step_(step) {}
  void after_step(const StepReport& report, TrainState& state) override {
    EXPECT_GT(report.seconds, 0);
    state.stopped_early = report.step == step_;
  }

 private:
  std::int64_t step_;
};

TEST_F(TrainingRun, EndsByItselfWhenAHookEndsItEarly) {
  data::Dataset dataset(support::options_for(folder_.path()));
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  data::ReferringSamples samples(dataset, tokenizer);
  WeightImpl net;
  SquareLearner learner(net);
  AdamW optimizer({{"all", 1.0, {{"weight", net.weight}}}}, {});
  Trainer trainer(net, learner, optimizer, {.learning_rate = 0.1, .schedule = {.total_steps = 9}});
  std::vector<std::string> notes;
  trainer.add_hook(std::make_unique<EarlyHook>(2));
  trainer.add_hook(std::make_unique<NotingHook>(notes));
  data::Loader loader(samples, {.batch_size = 1, .seed = 0, .first = 0, .last = 9, .prefetch = 0});
  TrainState state;
  EXPECT_TRUE(trainer.run(loader, 3, torch::kCPU, state));
  EXPECT_THAT(notes, ElementsAre("1/0/0", "2/0/0", "end 2"));
  EXPECT_TRUE(trainer.run(loader, 3, torch::kCPU, state));  // resumed: it has ended
  EXPECT_EQ(state.step, 2);
}

/// A square whose loss or gradient is not finite at some steps.
class FaultyLearner : public Learner {
 public:
  FaultyLearner(WeightImpl& net, std::set<std::int64_t> bad_losses,
                std::set<std::int64_t> bad_gradients)
      : net_(net), bad_losses_(std::move(bad_losses)), bad_gradients_(std::move(bad_gradients)) {}
  losses::Terms losses(const data::Batch&, const StepPlace& place) override {
    if (!seen_.defined()) seen_ = net_.named_buffers()["seen"];
    seen_.add_(static_cast<double>(place.step + 1));  // as the means of a batch norm
    const bool bad_loss = bad_losses_.contains(place.step);
    const at::Tensor factor = torch::tensor(bad_loss ? std::numeric_limits<double>::quiet_NaN()
                                                     : 1.0 + static_cast<double>(place.step));
    at::Tensor square = net_.weight.pow(2).sum() * factor.to(net_.weight.device(), at::kFloat);
    if (bad_gradients_.contains(place.step)) square = (square * 0).sqrt();
    losses::Terms terms;
    terms.add("square", 1, square);
    return terms;
  }

 private:
  WeightImpl& net_;
  at::Tensor seen_;
  std::set<std::int64_t> bad_losses_, bad_gradients_;
};

/// Leaves bad steps out and needs the weights at every third step.
class LenientHook : public Hook {
 public:
  LenientHook(const WeightImpl& net, std::vector<std::string>& notes) : net_(net), notes_(notes) {}
  bool needs_weights(std::int64_t step) override { return due_ = step % 3 == 0; }
  void after_step(const StepReport& report, TrainState& state) override {
    const std::string weight =
        due_ ? core::cat(" ", core::fixed(net_.weight[0].item<float>(), 4)) : "";
    notes_.push_back(core::cat(report.step, " ", report.skipped, " ", core::fixed(report.loss, 3),
                               " ", core::fixed(report.gradient_norm, 3), " ", state.step, weight));
  }
  bool after_non_finite(const NonFiniteStep& fault, const data::Batch&,
                        TrainState& state) override {
    notes_.push_back(core::cat("bad ", fault.fault(), " ", state.step, " ",
                               core::fixed(net_.weight[0].item<float>(), 4)));
    return true;
  }

 private:
  const WeightImpl& net_;
  std::vector<std::string>& notes_;
  bool due_ = false;
};

class LateReading : public TrainingRun, public testing::WithParamInterface<c10::DeviceType> {
 protected:
  struct Run {
    std::vector<std::string> notes;
    at::Tensor weight, seen, steps;
  };
  Run run(bool late, std::set<std::int64_t> bad_losses, std::set<std::int64_t> bad_gradients) {
    data::Dataset dataset(support::options_for(folder_.path()));
    const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
    data::ReferringSamples samples(dataset, tokenizer);
    WeightImpl net;
    net.register_buffer("seen", torch::zeros({1}));
    net.to(GetParam());
    FaultyLearner learner(net, std::move(bad_losses), std::move(bad_gradients));
    AdamW optimizer({{"all", 1.0, {{"weight", net.named_parameters()["weight"]}}}}, {});
    Trainer trainer(net, learner, optimizer,
                    {.learning_rate = 0.1,
                     .clip_norm = 6,
                     .schedule = {.total_steps = 12},
                     .reads_late = late});
    Run run;
    trainer.add_hook(std::make_unique<LenientHook>(net, run.notes));
    data::Loader loader(samples, {.batch_size = 1, .seed = 0, .first = 0, .last = 12});
    TrainState state;
    EXPECT_TRUE(trainer.run(loader, 3, GetParam(), state));
    run.weight = net.weight.detach().cpu();
    run.seen = net.named_buffers()["seen"].cpu();
    run.steps = trainer.state().at("steps.weight").cpu();
    return run;
  }
};

TEST_P(LateReading, GivesTheSameRunAsReadingAtOnce) {
  if (GetParam() == at::kCUDA) PCNET_NEED_CUDA();
  using Steps = std::set<std::int64_t>;
  const std::vector<std::pair<Steps, Steps>> faults = {
      {{}, {}}, {{4}, {}}, {{}, {4}}, {{0, 5, 6, 11}, {2, 7, 8}}};
  for (const auto& [losses, gradients] : faults) {
    const Run at_once = run(false, losses, gradients);
    const Run late = run(true, losses, gradients);
    EXPECT_EQ(late.notes, at_once.notes);
    EXPECT_TRUE(at::allclose(late.weight, at_once.weight, 1e-6, 0));
    EXPECT_TRUE(at::equal(late.seen, at_once.seen));
    EXPECT_TRUE(at::equal(late.steps, at_once.steps));
    EXPECT_EQ(at_once.steps.item<float>(),
              static_cast<float>(12 - losses.size() - gradients.size()));
  }
}

INSTANTIATE_TEST_SUITE_P(Device, LateReading, testing::Values(at::kCPU, at::kCUDA),
                         [](const auto& device) {
                           return device.param == at::kCUDA ? "OnCuda" : "OnTheProcessor";
                         });

/// Asks the process to stop after its step.
class StoppingHook : public Hook {
 public:
  explicit StoppingHook(std::int64_t step) : step_(step) {}
  void after_step(const StepReport& report, TrainState&) override {
    if (report.step == step_) std::raise(SIGTERM);
  }
  void after_training(TrainState&) override { FAIL() << "the training did not end by itself"; }

 private:
  std::int64_t step_;
};

// In a process of its own: the flag of a stop signal stays set.
TEST_F(TrainingRun, EndsAfterTheStepWhenASignalAsksToStop) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto stopped_at = [&] {
    core::install_stop_handler();
    data::Dataset dataset(support::options_for(folder_.path()));
    const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
    data::ReferringSamples samples(dataset, tokenizer);
    WeightImpl net;
    SquareLearner learner(net);
    AdamW optimizer({{"all", 1.0, {{"weight", net.weight}}}}, {});
    Trainer trainer(net, learner, optimizer,
                    {.learning_rate = 0.1, .schedule = {.total_steps = 9}});
    trainer.add_hook(std::make_unique<StoppingHook>(2));
    data::Loader loader(samples,
                        {.batch_size = 1, .seed = 0, .first = 0, .last = 9, .prefetch = 2});
    TrainState state;
    const bool finished = trainer.run(loader, 3, torch::kCPU, state);
    std::filesystem::remove_all(folder_.path());  // this process ends without destructors
    return finished ? 100 : static_cast<int>(state.step);
  };
  EXPECT_EXIT(std::_Exit(stopped_at()), testing::ExitedWithCode(2), "");
}

config::CriterionOptions classification_alone() {
  config::CriterionOptions options;
  options.region_aware_shrinking.weight = 0;
  options.instance_disambiguation.weight = 0;
  return options;
}

TEST_F(TrainingRun, MakesTheLossOfBothObjectivesFall) {
  auto options = support::options_for(folder_.path());
  options.text_length = support::tiny_model().clip.text.context_length;
  data::Dataset dataset(options);
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  for (const bool contrastive : {false, true}) {
    torch::manual_seed(1);
    model::Baseline model(support::tiny_model(), tokenizer.vocabulary_size());
    std::unique_ptr<data::Samples> samples;
    std::unique_ptr<Learner> learner;
    if (contrastive) {
      samples = std::make_unique<data::ContrastiveSamples>(
          dataset, tokenizer, config::ContrastiveBatchOptions{.captions = 2, .cues = 1});
      learner = std::make_unique<ContrastiveLearner>(model.ptr(), config::LossOptions{});
    } else {
      samples = std::make_unique<data::ReferringSamples>(dataset, tokenizer);
      learner = std::make_unique<ReferringLearner>(model.ptr(), classification_alone());
    }
    ParameterGroup group{"all", 1.0, {}};
    for (const auto& item : model->named_parameters()) {
      group.parameters.emplace_back(item.key(), item.value());
    }
    AdamW optimizer({group}, {});
    Trainer trainer(*model, *learner, optimizer,
                    {.learning_rate = 5e-3, .schedule = {.total_steps = 100, .decay_power = 0}});
    const std::vector<std::size_t> all =
        contrastive ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{1, 2};
    const data::Batch batch = samples->batch(all, 0, 0);
    const StepReport first = trainer.step(batch, 0);
    EXPECT_EQ(first.terms.at(0).first, contrastive ? "contrastive" : "classification");
    StepReport last = first;
    for (std::int64_t step = 1; step < 40; ++step) last = trainer.step(batch, step);
    EXPECT_LT(last.loss, 0.8 * first.loss) << contrastive;
  }
}

}  // namespace
}  // namespace pcnet::engine
