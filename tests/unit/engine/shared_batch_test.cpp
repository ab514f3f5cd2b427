// A batch that several processes share gives the loss, the gradient and the running statistics of
// one process that has it all. Threads stand for the processes.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/config/profiles.h"
#include "pcnet/core/batch_share.h"
#include "pcnet/core/error.h"
#include "pcnet/core/norm_relu.h"
#include "pcnet/engine/gradient_sums.h"
#include "pcnet/engine/learner.h"
#include "pcnet/engine/trainer.h"
#include "pcnet/model/baseline.h"

#include "support/full_batch.h"
#include "support/thread_team.h"

namespace pcnet::engine {
namespace {

using config::Profile;
using Tensors = std::map<std::string, at::Tensor>;
using Team = std::shared_ptr<core::Communicator>;

/// How a step is computed.
struct Way {
  Profile profile = Profile::kPaper;
  std::int64_t parts = 1;
  bool recompute = false;
  bool calibrated = false;
  bool contrastive = false;
  std::vector<std::string> overrides = {};
};

std::shared_ptr<model::ReferringModel> lively_model(const config::ModelOptions& options) {
  torch::manual_seed(2);
  std::shared_ptr<model::ReferringModel> model;
  if (options.fusion == "crm") {
    model = std::make_shared<model::PCNetImpl>(options, support::kTinyVocabulary);
  } else {
    model = std::make_shared<model::BaselineImpl>(options, support::kTinyVocabulary);
  }
  support::make_lively(*model, /*seed=*/4, /*noise=*/0.1);
  model->to(torch::kDouble);
  return model;
}

std::shared_ptr<model::FrozenClip> frozen_clip() {
  config::ModelOptions options = support::tiny_model(Profile::kTris);
  options.fusion = "none";
  options.clip.visual.attention_pool = false;
  return std::make_shared<model::FrozenClip>(lively_model(options), 0);
}

/// Model and learner of one process.
struct Process {
  explicit Process(const Way& way) {
    const auto values = config::profile_values(way.profile);
    model = lively_model(support::tiny_model(way.profile));
    model->backbone()->set_recompute(way.recompute);
    config::LossOptions loss = values.loss;
    if (way.calibrated) loss.calibration.weight = 1;
    if (!way.calibrated) loss.calibration.weight = 0;
    loss.region_aware_shrinking.foreground = "response";  // clip_score asks for stored scores
    loss.contrastive.classification = 0.25;
    loss.contrastive.mirrored = 0.5;
    const PartwiseEncoding encoding{.parts = way.parts};
    if (way.contrastive) {
      learner = std::make_unique<ContrastiveLearner>(model, loss, encoding);
    } else {
      learner = std::make_unique<ReferringLearner>(
          model, loss, /*seed=*/1, way.calibrated ? frozen_clip() : nullptr, encoding);
    }
    ParameterGroup group{.name = "all", .parameters = {}};
    for (const auto& item : model->named_parameters()) {
      group.parameters.emplace_back(item.key(), item.value());
    }
    groups.push_back(std::move(group));
  }

  std::shared_ptr<model::ReferringModel> model;
  std::unique_ptr<Learner> learner;
  std::vector<ParameterGroup> groups;
};

/// What a step leaves behind.
struct Outcome {
  double loss = 0;
  std::map<std::string, double> terms;
  Tensors gradients;
  Tensors buffers;
};

Outcome step(Process& process, const data::Batch& batch, const Team& team) {
  core::synchronise_norms(*process.model, team);
  process.model->train();
  GradientSums sums(*team, process.groups, /*bucket_bytes=*/20000);
  Outcome outcome;
  for (int pass = 0; pass < 2; ++pass) {  // the second goes by the buckets that the first made
    process.model->zero_grad();
    const losses::Terms terms = process.learner->losses(batch, {.step = pass, .progress = 0.7});
    sums.begin();
    terms.total.backward();
    sums.finish();
    outcome.loss = terms.total.item<double>();
    for (const auto& [name, value] : terms.terms) outcome.terms[name] = value.item<double>();
  }
  for (const auto& item : process.model->named_parameters()) {
    if (item->grad().defined()) outcome.gradients.emplace(item.key(), item->grad().clone());
  }
  for (const auto& item : process.model->named_buffers()) {
    outcome.buffers.emplace(item.key(), item->clone());
  }
  return outcome;
}

/// The share of one process of `batch`, as Samples makes it.
data::Batch own_part(const data::Batch& batch, const Team& team) {
  const auto rows = core::even_shares(batch.images.size(0), team->size());
  const core::BatchShare share(team, rows);
  data::Batch own = batch;
  own.images = share.of(batch.images);
  own.proposals = share.of(batch.proposals);
  own.image_ids = torch::arange(batch.images.size(0), torch::kInt64);
  return data::agreed(own, team);
}

std::vector<Outcome> shared_step(const Way& way, const data::Batch& batch, int processes) {
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < processes; ++i) all.push_back(std::make_unique<Process>(way));
  std::vector<Outcome> outcomes(all.size());
  support::as_team(processes, [&](const Team& team) {
    const auto rank = static_cast<std::size_t>(team->rank());
    outcomes[rank] = step(*all[rank], own_part(batch, team), team);
  });
  return outcomes;
}

Outcome whole_step(const Way& way, const data::Batch& batch) {
  Process process(way);
  return step(process, batch, std::make_shared<core::Communicator>());
}

/// The largest difference over the largest value of a tensor, over all tensors.
double difference(const Tensors& left, const Tensors& right) {
  EXPECT_EQ(left.size(), right.size());
  double worst = 0;
  for (const auto& [name, values] : left) {
    if (!values.is_floating_point()) continue;
    const at::Tensor& other = right.at(name);
    const double largest = std::max(values.abs().max().item<double>(), 1e-3);
    const double one = (values - other).abs().max().item<double>() / largest;
    EXPECT_LT(one, 1e-9) << name;
    worst = std::max(worst, one);
  }
  return worst;
}

void expect_same(const Way& way, const data::Batch& batch, const std::string& name) {
  SCOPED_TRACE(name);
  const Outcome whole = whole_step(way, batch);
  EXPECT_GT(whole.gradients.size(), 20U);
  for (const int processes : {2, 3}) {
    SCOPED_TRACE(processes);
    const auto shared = shared_step(way, batch, processes);
    for (const auto& outcome : shared) {
      EXPECT_EQ(outcome.loss, shared.front().loss);
      EXPECT_NEAR(outcome.loss, whole.loss, 1e-10 * std::abs(whole.loss));
      ASSERT_EQ(outcome.terms.size(), whole.terms.size());
      for (const auto& [term, value] : whole.terms) {
        EXPECT_NEAR(outcome.terms.at(term), value, 1e-10) << term;
      }
      EXPECT_LT(difference(whole.gradients, outcome.gradients), 1e-9);
      EXPECT_LT(difference(whole.buffers, outcome.buffers), 1e-10);
    }
  }
}

TEST(SharedBatch, GivesTheLossAndGradientOfTheWholeForEveryProfile) {
  const data::Batch batch = support::full_batch(5);  // 5 = 2 + 3 = 1 + 2 + 2
  for (const auto profile :
       {Profile::kPaper, Profile::kReleased, Profile::kTris, Profile::kImproved}) {
    expect_same({.profile = profile}, batch, std::string(config::Choice(profile).word()));
  }
}

TEST(SharedBatch, GivesThemInPartsAndComputedOnceMore) {
  const data::Batch batch = support::full_batch(6);
  expect_same({.parts = 2}, batch, "accumulate");
  expect_same({.recompute = true}, batch, "recompute");
  expect_same({.parts = 3, .recompute = true}, batch, "both");
}

TEST(SharedBatch, GivesThemWithCalibration) {
  data::Batch batch = support::full_batch(4);
  batch.has_partner = torch::tensor({{true}, {false}, {true}, {true}});
  expect_same({.calibrated = true}, batch, "paper");
  expect_same({.profile = Profile::kReleased, .calibrated = true}, batch, "released");
  expect_same({.profile = Profile::kTris, .calibrated = true}, batch, "tris");
}

TEST(SharedBatch, GivesThemInContrastivePreTraining) {
  data::Batch batch = support::full_batch(5);
  batch.text_index = torch::arange(10, torch::kInt64).view({5, 2});
  batch.mirrored_index = torch::tensor({{11, -1}, {-1, -1}, {12, 13}, {-1, -1}, {14, -1}});
  expect_same({.contrastive = true}, batch, "contrastive");
}

TEST(SharedBatch, GivesThemWhereAProcessHasNoTextToEncodeAndAllSayTheSame) {
  data::Batch batch = support::full_batch(3);
  batch.tokens = batch.tokens.slice(0, 0, 2);
  for (auto* index :
       {&batch.text_index, &batch.partner_index, &batch.cue_index, &batch.partner_cue_index}) {
    *index = index->remainder(2);
  }
  expect_same({}, batch, "two texts");
}

TEST(SharedBatch, MovesRunningStatisticsByTheMeanWhereEachNormalisesItsOwn) {
  const data::Batch batch = support::full_batch(5);
  const Outcome whole = whole_step({}, batch);
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 2; ++i) all.push_back(std::make_unique<Process>(Way{}));
  std::vector<Tensors> statistics(2);
  std::vector<Tensors> weights(2);
  support::as_team(2, [&](const Team& team) {
    const auto rank = static_cast<std::size_t>(team->rank());
    Process& own = *all[rank];
    AdamW optimizer(own.groups, {});
    Trainer trainer(*own.model, *own.learner, optimizer,
                    {.learning_rate = 0.01,
                     .schedule = {.total_steps = 4},
                     .team = team,
                     .synchronised_norms = false});
    for (int step = 0; step < 2; ++step) (void)trainer.step(own_part(batch, team), step);
    for (const auto& item : own.model->named_buffers()) {
      statistics[rank].emplace(item.key(), item->clone());
    }
    for (const auto& item : own.model->named_parameters()) {
      weights[rank].emplace(item.key(), item->detach().clone());
    }
  });
  for (const auto& [name, values] : statistics[0]) {
    EXPECT_TRUE(at::equal(values, statistics[1].at(name))) << name;
  }
  for (const auto& [name, values] : weights[0]) {
    EXPECT_TRUE(at::equal(values, weights[1].at(name))) << name;
  }
  // The first norm's mean is that of the parts' means, its variance is another one; what lies
  // behind it has seen other images.
  const std::string deep = "backbone.visual.layer3.0.bn1.running_mean";
  EXPECT_FALSE(at::allclose(statistics[0].at(deep), whole.buffers.at(deep), 1e-3));
}

TEST(SharedBatch, DropsAPictureThatAnotherProcessCannotRead) {
  const data::Batch whole = support::full_batch(4);
  support::as_team(2, [&](const Team& team) {
    data::Batch own = whole;
    own.image_ids = torch::tensor({10, 11, 12, 13}, torch::kInt64);
    const bool first = team->rank() == 0;
    own.images = first ? whole.images.slice(0, 0, 2) : whole.images.slice(0, 3, 4);
    if (!first) own.unreadable = {0};  // the third
    const data::Batch agreed = data::agreed(own, team);
    EXPECT_EQ(agreed.size(), 3);
    EXPECT_THAT(agreed.share.rows(), testing::ElementsAre(2, 1));
    EXPECT_TRUE(at::equal(agreed.image_ids, torch::tensor({10, 11, 13}, torch::kInt64)));
    EXPECT_TRUE(at::equal(agreed.text_index.flatten(), torch::tensor({0, 1, 3}, torch::kInt64)));
  });
  EXPECT_THROW(support::as_team(2,
                                [&](const Team& team) {
                                  data::Batch own = whole;
                                  own.image_ids = torch::arange(4, torch::kInt64);
                                  own.unreadable = {0, 1};
                                  (void)data::agreed(own, team);
                                }),
               core::Error);
  EXPECT_THAT(
      [&] {
        support::as_team(2, [&](const Team& team) {
          data::Batch own = whole;
          own.image_ids = torch::arange(4, torch::kInt64);
          if (team->rank() == 1) own.unreadable = {0, 1};
          (void)data::agreed(own, team);
        });
      },
      testing::ThrowsMessage<core::Error>(testing::HasSubstr("process 1 has no image")));
}

TEST(GradientSums, LeaveAParameterAloneThatNobodyHasAGradientOf) {
  support::as_team(3, [](const Team& team) {
    ParameterGroup group{.name = "all", .parameters = {}};
    for (const char* name : {"all", "one", "none"}) {
      group.parameters.emplace_back(name, torch::ones({2}, torch::requires_grad()));
    }
    GradientSums sums(*team, {group}, /*bucket_bytes=*/8);
    for (int pass = 0; pass < 2; ++pass) {
      for (auto& [name, parameter] : group.parameters) parameter.mutable_grad().reset();
      at::Tensor loss = group.parameters[0].second.sum() * (team->rank() + 1);
      if (team->rank() == 1) loss = loss + group.parameters[1].second.sum() * 7;
      sums.begin();
      loss.backward();
      sums.finish();
      EXPECT_EQ(group.parameters[0].second.grad()[0].item<float>(), 6);
      EXPECT_EQ(group.parameters[1].second.grad()[1].item<float>(), 7);
      EXPECT_FALSE(group.parameters[2].second.grad().defined());
    }
    EXPECT_EQ(sums.bytes(), 24);
  });
}

TEST(BatchShare, IsTheWholeForAProcessAlone) {
  const core::BatchShare share;
  const at::Tensor x = torch::randn({3, 3, 2});
  EXPECT_TRUE(share.gathered(x).is_same(x));
  EXPECT_TRUE(share.together(x).is_same(x));
  EXPECT_TRUE(at::equal(share.diagonal(x)[2], x[2][2]));
  EXPECT_EQ(share.whole(3), 3);
}

TEST(EvenShares, CoverEverythingOnceAndDifferByOneAtMost) {
  for (const std::int64_t count : {0, 1, 5, 36}) {
    for (const int parts : {1, 2, 3, 7}) {
      std::int64_t sum = 0;
      for (const auto share : core::even_shares(count, parts)) {
        sum += share;
        EXPECT_GE(share, count / parts);
        EXPECT_LE(share, count / parts + 1);
      }
      EXPECT_EQ(sum, count);
    }
  }
}

}  // namespace
}  // namespace pcnet::engine
