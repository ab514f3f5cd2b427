#include "src/clip/causal_attention.h"

#include <utility>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::clip {
namespace {

struct Found {
  at::Tensor seen, gradient;
};

/// 500 rows, each after one of those before it.
Found run(const at::Tensor& in, const at::Tensor& looking, int threads) {
  at::set_num_threads(threads);
  const at::Tensor place = at::arange(500, at::kLong);
  const at::Tensor before = at::floor_divide(place - 1, 2);  // -1, 0, 0, 1, 1, 2, ...
  const at::Tensor leaf = in.detach().requires_grad_();
  const at::Tensor seen = causal_attention(leaf, before, looking, /*heads=*/4);
  const at::Tensor direction = at::arange(seen.numel(), at::kDouble).view_as(seen).cos();
  return {seen.detach(), torch::autograd::grad({(seen * direction).sum()}, {leaf}).front()};
}

class CausalAttention : public ::testing::Test {
 protected:
  ~CausalAttention() override { at::set_num_threads(threads_); }
  int threads_ = at::get_num_threads();
  at::Tensor in_ = torch::randn({500, 3 * 72});
  at::Tensor looking_ = at::arange(1, 500, 3, at::kLong);
};

TEST_F(CausalAttention, HasTheSameBitsOnAnyNumberOfThreads) {
  for (const at::Tensor& looking : {at::Tensor(), looking_}) {
    const Found one = run(in_, looking, 1);
    const Found three = run(in_, looking, 3);
    EXPECT_TRUE(at::equal(one.seen, three.seen));
    EXPECT_TRUE(at::equal(one.gradient, three.gradient));
  }
}

TEST_F(CausalAttention, TakesEveryTypeAndAnswersInIt) {
  const Found exact = run(in_.to(at::kDouble), looking_, 2);
  for (const auto& [type, most] : {std::pair(at::kFloat, 1e-6), std::pair(at::kBFloat16, 2e-2)}) {
    const Found found = run(in_.to(type), looking_, 2);
    ASSERT_EQ(found.seen.scalar_type(), type);
    ASSERT_EQ(found.gradient.scalar_type(), type);
    const auto differ = [](const at::Tensor& got, const at::Tensor& wanted) {
      return ((got - wanted).norm() / wanted.norm()).item<double>();
    };
    EXPECT_LT(differ(found.seen, exact.seen), most);
    EXPECT_LT(differ(found.gradient, exact.gradient), most);
  }
}

TEST_F(CausalAttention, GivesARowThatNobodySeesNoGradient) {
  const Found found = run(in_, at::tensor({7}, at::kLong), 1);  // its text is 0, 1, 3, 7
  const at::Tensor touched = found.gradient.abs().sum(/*dim=*/1).nonzero().flatten();
  EXPECT_TRUE(at::equal(touched, at::tensor({0, 1, 3, 7}, at::kLong)));
}

}  // namespace
}  // namespace pcnet::clip
