#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/config/profiles.h"
#include "pcnet/core/norm_relu.h"
#include "pcnet/distributed/team.h"
#include "pcnet/engine/gradient_sums.h"
#include "pcnet/engine/learner.h"

#include "src/distributed/nccl_communicator.h"
#include "support/cuda.h"
#include "support/full_batch.h"

namespace pcnet::distributed {
namespace {

/// NCCL with one rank, whatever MPI says: that of a process alone.
class NcclOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    PCNET_NEED_CUDA();
    if (!can_pass_messages_between_gpus()) GTEST_SKIP() << "built without NCCL";
    team_ = between_gpus(std::make_shared<core::Communicator>(), 0, [] { return false; });
  }

  at::Tensor values() const { return torch::arange(12, torch::kFloat).view({3, 4}).cuda(); }

  std::shared_ptr<core::Communicator> team_;
};

TEST_F(NcclOnCuda, OfOneRankLeavesSumsAndRowsAsTheyAre) {
  for (const auto type : {torch::kFloat, torch::kDouble, torch::kHalf, torch::kBFloat16,
                          torch::kLong, torch::kByte}) {
    const at::Tensor x = values().to(type);
    const at::Tensor sum = x.clone();
    team_->all_reduce(sum, core::Reduction::kSum);
    EXPECT_TRUE(at::equal(sum, x)) << type;
    EXPECT_TRUE(at::equal(team_->all_gather(x, {3}), x)) << type;
    team_->broadcast(sum);
    EXPECT_TRUE(at::equal(sum, x)) << type;
  }
  EXPECT_TRUE(at::equal(team_->all_gather(values().gt(5), {3}), values().gt(5)));
}

TEST_F(NcclOnCuda, SumsBesideTheWorkOfTheStream) {
  const at::Tensor x = torch::ones({1 << 22}).cuda();
  const auto pending = team_->begin_sum(x);
  pending->wait();
  EXPECT_EQ((x * 2).sum().item<float>(), 2.0F * (1 << 22));
}

TEST_F(NcclOnCuda, LeavesWhatIsOnTheHostToTheHosts) {
  const at::Tensor x = torch::ones({3});
  team_->all_reduce(x, core::Reduction::kMaximum);
  EXPECT_EQ(x.sum().item<float>(), 3);
  EXPECT_EQ(team_->largest(7), 7);
  EXPECT_EQ(team_->all_gather("word").front(), "word");
}

struct Step {
  double loss = 0;
  std::map<std::string, at::Tensor> gradients;
};

/// A step of the paper's profile on the GPU.
Step step_with(const std::shared_ptr<core::Communicator>& team) {
  auto model = support::lively_pcnet(config::Profile::kPaper);
  model->to(torch::kCUDA);
  model->train();
  core::synchronise_norms(*model, team);
  engine::ParameterGroup group{.name = "all", .parameters = {}};
  for (const auto& item : model->named_parameters()) {
    group.parameters.emplace_back(item.key(), item.value());
  }
  engine::GradientSums sums(*team, {group}, /*bucket_bytes=*/1 << 20);
  engine::ReferringLearner learner(model.ptr(),
                                   config::profile_values(config::Profile::kPaper).loss);
  data::Batch batch = support::full_batch(6).to(torch::kCUDA);
  batch.share = core::BatchShare(team, {6});
  sums.begin();
  const losses::Terms terms = learner.losses(batch, {.step = 0, .progress = 1});
  terms.total.backward();
  sums.finish();
  Step step{.loss = terms.total.item<double>(), .gradients = {}};
  for (const auto& [name, parameter] : group.parameters) {
    if (parameter.grad().defined()) step.gradients.emplace(name, parameter.grad().cpu());
  }
  return step;
}

TEST_F(NcclOnCuda, OfOneRankTakesTheStepOfAProcessAlone) {
  const Step plain = step_with(std::make_shared<core::Communicator>());
  const Step step = step_with(team_);
  EXPECT_NEAR(step.loss, plain.loss, 1e-4 * std::abs(plain.loss));
  ASSERT_EQ(step.gradients.size(), plain.gradients.size());
  for (const auto& [name, gradient] : plain.gradients) {
    const double most = std::max(gradient.abs().max().item<double>(), 1e-3);
    EXPECT_LT((step.gradients.at(name) - gradient).abs().max().item<double>(), 1e-3 * most) << name;
  }
}

}  // namespace
}  // namespace pcnet::distributed
