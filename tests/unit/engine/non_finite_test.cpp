#include "pcnet/engine/non_finite.h"

#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

using nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Two groups, and a batch norm whose running mean moves in every forward pass.
struct NetImpl : torch::nn::Module {
  NetImpl() {
    a = register_parameter("a", torch::tensor({3.0, 4.0}));
    b = register_parameter("b", torch::tensor({1.0}));
    norm = register_module("norm",
                           torch::nn::BatchNorm1d(torch::nn::BatchNorm1dOptions(1).affine(false)));
  }
  at::Tensor a;
  at::Tensor b;
  torch::nn::BatchNorm1d norm = nullptr;
};

/// Loss = |a|^2 / 2 + b, times the factor of the step, with a root whose gradient is not finite in
/// the steps asked for.
class NetLearner : public Learner {
 public:
  explicit NetLearner(NetImpl& net) : net_(net) {}
  losses::Terms losses(const data::Batch&, const StepPlace& place) override {
    net_.norm->forward(torch::tensor({{1.0}, {3.0}}));
    losses::Terms terms;
    terms.add("square", bad_losses.contains(place.step) ? kInf : 0.5, net_.a.pow(2).sum());
    const bool bad = bad_gradients.contains(place.step);
    terms.add("line", 1, bad ? (net_.b * 0).sqrt().sum() : net_.b.sum());
    return terms;
  }
  std::set<std::int64_t> bad_losses;
  std::set<std::int64_t> bad_gradients;

 private:
  NetImpl& net_;
};

class NonFinite : public ::testing::Test {
 protected:
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    support::small_dataset().write(temporary_ / "data");
    dataset_ = std::make_unique<data::Dataset>(support::options_for(temporary_ / "data"));
    tokenizer_ = std::make_unique<text::WordTokenizer>(
        text::WordTokenizer::from_texts(dataset_->training_texts()));
    samples_ = std::make_unique<data::ReferringSamples>(*dataset_, *tokenizer_);
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  /// Trains on the dataset's 3 samples, one a step.
  void train(config::OnNonFinite action, std::int64_t steps, double clip_norm = 0) {
    trainer_ = std::make_unique<Trainer>(
        net_, learner_, optimizer_,
        Trainer::Options{
            .learning_rate = 0.01, .clip_norm = clip_norm, .schedule = {.total_steps = steps}});
    trainer_->add_hook(std::make_unique<NonFiniteHook>(
        NonFiniteHook::Parts{folder_, net_, optimizer_, *tokenizer_, checkpointer_, log_}, action));
    data::Loader loader(
        *samples_,
        {.batch_size = 1, .seed = 0, .first = state_.step, .last = steps, .prefetch = 0});
    trainer_->run(loader, 3, torch::kCPU, state_);
  }
  ordered_json written() const {
    return pcnet::core::parse_json<ordered_json>(
        core::read_file(folder_.path() / "non_finite.json"));
  }
  std::vector<ordered_json> events() const {
    std::vector<ordered_json> lines;
    std::istringstream in(core::read_file(folder_.log()));
    for (std::string line; std::getline(in, line);)
      lines.push_back(pcnet::core::parse_json<ordered_json>(line));
    return lines;
  }

  support::TemporaryFolder temporary_;
  std::unique_ptr<data::Dataset> dataset_;
  std::unique_ptr<text::WordTokenizer> tokenizer_;
  std::unique_ptr<data::ReferringSamples> samples_;
  RunFolder folder_{temporary_ / "run"};
  NetImpl net_;
  NetLearner learner_{net_};
  AdamW optimizer_{{{"two", 1.0, {{"a", net_.a}}}, {"one", 1.0, {{"b", net_.b}}}},
                   {.weight_decay = 0}};
  Trainer whose_state_is_saved_{
      net_, learner_, optimizer_, {}};  // no mean, no scale: AdamW's alone
  Checkpointer checkpointer_{folder_, net_, whose_state_is_saved_, {{"key", 1}}, {}};
  report::RunLog log_{folder_.log(), 0};
  TrainState state_;
  std::unique_ptr<Trainer> trainer_;
};

TEST_F(NonFinite, StopsWithAReportAndTheStateOfTheStepsBefore) {
  learner_.bad_gradients = {2};
  EXPECT_THAT([&] { train(config::OnNonFinite::kStop, 5, /*clip_norm=*/1); },
              ThrowsMessage<core::Error>(AllOf(
                  HasSubstr("the gradient norm is nan at step 3 (square "), HasSubstr("line 0)"),
                  HasSubstr((folder_.path() / "non_finite.json").string()),
                  HasSubstr(folder_.last().string()), HasSubstr("train.non_finite=skip"))));
  EXPECT_EQ(state_.step, 2);
  const Checkpoint last = load_checkpoint(folder_.last());
  EXPECT_EQ(last.state.step, 2);
  EXPECT_TRUE(at::equal(last.model.at("a"), net_.a.detach()));
  // Two forward passes with the mean 2: 0.2, then 0.2 x 0.9 + 0.2. The third left no trace.
  EXPECT_NEAR(last.model.at("norm.running_mean").item<double>(), 0.38, 1e-6);
  EXPECT_EQ(last.model.at("norm.num_batches_tracked").item<std::int64_t>(), 2);
  EXPECT_EQ(last.optimizer.at("steps.a").item<float>(), 2);

  const auto report = written();
  EXPECT_EQ(report.at("step"), 3);
  EXPECT_EQ(report.at("epoch"), 0);
  EXPECT_EQ(report.at("fault"), "gradient norm");
  EXPECT_EQ(report.at("action"), "stop");
  EXPECT_EQ(report.at("gradient_norm"), "nan");
  EXPECT_EQ(report.at("loss").at("line"), 0.0);
  EXPECT_GT(report.at("lr").get<double>(), 0);
  const auto& groups = report.at("groups");
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].at("name"), "two");
  // The gradient of |a|^2 / 2 is a; the clipping left it alone.
  EXPECT_NEAR(groups[0].at("gradient_norm").get<double>(),
              at::linalg_vector_norm(net_.a.detach()).item<double>(), 1e-5);
  EXPECT_EQ(groups[0].at("non_finite_gradients"), ordered_json::array());
  EXPECT_EQ(groups[1].at("gradient_norm"), "nan");
  EXPECT_EQ(groups[1].at("non_finite_gradients"), ordered_json({"b"}));
  EXPECT_EQ(report.at("non_finite_weights"), ordered_json::array());
}

TEST_F(NonFinite, NamesThePicturesAndTextsOfTheBatch) {
  learner_.bad_losses = {0};
  EXPECT_THROW(train(config::OnNonFinite::kStop, 5), core::Error);
  const auto report = written();
  EXPECT_EQ(report.at("loss").at("total"), "inf");
  EXPECT_EQ(report.at("loss").at("square"), 25.0);
  EXPECT_FALSE(report.contains("gradient_norm"));
  EXPECT_FALSE(report.at("groups")[0].contains("gradient_norm"));
  EXPECT_NEAR(report.at("groups")[0].at("weight_norm").get<double>(), 5, 1e-6);
  ASSERT_EQ(report.at("samples").size(), 1U);
  const auto& sample = report.at("samples")[0];
  bool found = false;
  for (const auto& reference : dataset_->index().references()) {
    if (reference.ref_id != sample.at("ref_id")) continue;
    EXPECT_EQ(sample.at("image_id"), reference.image_id);
    for (const auto& sentence : reference.sentences) {
      if (sentence.sent_id != sample.at("sent_ids")[0]) continue;
      EXPECT_EQ(sample.at("texts")[0], sentence.text);
      found = true;
    }
  }
  EXPECT_TRUE(found) << sample;
}

TEST_F(NonFinite, SkipsWhenAskedAndStopsAtTheTenthInARow) {
  learner_.bad_losses = {1, 2};
  learner_.bad_gradients = {4};
  train(config::OnNonFinite::kSkip, 6);
  EXPECT_EQ(state_.step, 6);
  EXPECT_EQ(state_.skipped_steps, 3);
  EXPECT_EQ(state_.skipped_in_a_row, 0);
  EXPECT_EQ(optimizer_.state().at("steps.a").item<float>(), 3);  // the other three steps
  EXPECT_EQ(net_.norm->num_batches_tracked.item<std::int64_t>(), 3);
  const auto seen = events();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[1].at("event"), "non_finite");
  EXPECT_EQ(seen[1].at("step"), 3);
  EXPECT_EQ(seen[1].at("action"), "skip");
  EXPECT_EQ(seen[1].at("in_a_row"), 2);
  EXPECT_EQ(seen[2].at("in_a_row"), 1);
  EXPECT_EQ(seen[2].at("value"), "nan");
  EXPECT_EQ(written().at("step"), 5);  // the last one
  EXPECT_FALSE(std::filesystem::exists(folder_.last()));

  for (std::int64_t step = 7; step < 30; ++step) learner_.bad_losses.insert(step);
  EXPECT_THAT(
      [&] { train(config::OnNonFinite::kSkip, 30); },
      ThrowsMessage<core::Error>(AllOf(HasSubstr("at step 17"), HasSubstr("the 10th in a row"),
                                       Not(HasSubstr("train.non_finite=skip")))));
  EXPECT_EQ(load_checkpoint(folder_.last()).state.step, 16);
  EXPECT_EQ(load_checkpoint(folder_.last()).state.skipped_in_a_row, 9);  // as in the run itself
}

TEST_F(NonFinite, ThrowsTheFaultOnWithoutAHook) {
  Trainer trainer(net_, learner_, optimizer_, {.schedule = {.total_steps = 5}});
  learner_.bad_losses = {0};
  data::Loader loader(*samples_,
                      {.batch_size = 1, .seed = 0, .first = 0, .last = 5, .prefetch = 0});
  EXPECT_THROW(trainer.run(loader, 3, torch::kCPU, state_), NonFiniteStep);
  EXPECT_EQ(net_.norm->num_batches_tracked.item<std::int64_t>(), 0);
}

TEST_F(NonFinite, KeepsTheLastCheckpointWhenTheWeightsAreNotFiniteEither) {
  state_.step = 1;
  checkpointer_.save_last(state_);
  state_.step = 2;
  net_.b.detach().fill_(kNan);
  EXPECT_THAT([&] { train(config::OnNonFinite::kStop, 5); },
              ThrowsMessage<core::Error>(HasSubstr("the weights are not finite either")));
  EXPECT_EQ(load_checkpoint(folder_.last()).state.step, 1);
  EXPECT_EQ(written().at("non_finite_weights"), ordered_json({"b"}));
}

TEST_F(NonFinite, NamesWeightsThatAreNot) {
  const NonFiniteStep fault("loss", kNan, {.step = 8, .loss = kNan});
  const auto named = [&] {
    return non_finite_report(fault, samples_->batch(std::vector<std::size_t>{0}, 0, 0), state_,
                             net_, optimizer_, *tokenizer_)
        .at("non_finite_weights");
  };
  EXPECT_EQ(named(), ordered_json::array());
  net_.a.detach().fill_(kInf);
  EXPECT_EQ(named(), ordered_json({"a"}));
}

}  // namespace
}  // namespace pcnet::engine
