#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/distributed/team.h"

#include "src/distributed/nccl_communicator.h"
#include "support/cuda.h"

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

}  // namespace
}  // namespace pcnet::distributed
