#include "pcnet/losses/terms.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::losses {
namespace {

TEST(Terms, SumWeightedAndKeepTheUnweightedValues) {
  Terms terms;
  EXPECT_FALSE(terms.total.defined());
  terms.add("a", 2.0, torch::tensor(3.0));
  terms.add("b", 0.5, torch::tensor(4.0));
  terms.add("off", 0.0, torch::tensor(7.0));
  EXPECT_EQ(terms.total.item<float>(), 8.0F);
  ASSERT_EQ(terms.terms.size(), 3U);
  EXPECT_EQ(terms.terms[0].first, "a");
  EXPECT_EQ(terms.terms[0].second.item<float>(), 3.0F);
  EXPECT_EQ(terms.terms[2].second.item<float>(), 7.0F);
}

TEST(Terms, CarryTheGradientTimesTheWeight) {
  const at::Tensor x = torch::tensor(1.5).set_requires_grad(true);
  Terms terms;
  terms.add("a", 2.0, x * 3);
  terms.add("b", 0.25, x * x);
  terms.total.backward();
  EXPECT_FLOAT_EQ(x.grad().item<float>(), 6.75F);
}

}  // namespace
}  // namespace pcnet::losses
