#include "pcnet/core/profile.h"

#include <chrono>
#include <map>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/packed_linear.h"

namespace pcnet::core {
namespace {

using std::chrono::milliseconds;

/// Seconds since it was made: what one part has, no other has.
class Elapsed {
 public:
  double operator()() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::map<std::string, Profile::Part> by_name(const Profile& profile) {
  std::map<std::string, Profile::Part> named;
  for (const auto& part : profile.parts()) named[part.name] = part;
  return named;
}

/// The identity, whose gradient takes its time.
struct Slow : torch::autograd::Function<Slow> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x) {
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 const torch::autograd::variable_list& gradients) {
    std::this_thread::sleep_for(milliseconds(60));
    return {gradients.at(0)};
  }
};

TEST(Profile, GivesTheInnerPartItsTimeAndTheOuterTheRest) {
  const Profile profile;
  const Elapsed elapsed;
  {
    const PartScope outer("outer");
    std::this_thread::sleep_for(milliseconds(20));
    {
      const PartScope inner("inner", 2);
      std::this_thread::sleep_for(milliseconds(80));
    }
  }
  auto parts = by_name(profile);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_GE(parts.at("inner 2").forward_seconds, 0.08);
  EXPECT_GE(parts.at("outer").forward_seconds, 0.02);
  EXPECT_LE(parts.at("outer").forward_seconds + parts.at("inner 2").forward_seconds, elapsed());
  EXPECT_EQ(parts.at("outer").backward_seconds, 0);
}

TEST(Profile, KnowsWhoseNodesABackwardPassComputes) {
  Profile profile;
  const Elapsed elapsed;
  const at::Tensor x = torch::ones({2, 2}, torch::requires_grad());
  at::Tensor y;
  {
    const PartScope part("fast");
    y = x * 2;
  }
  {
    const PartScope part("slow");
    y = Slow::apply(y);
  }
  {
    const PartScope part("backward");
    y.sum().backward();
  }
  auto parts = by_name(profile);
  EXPECT_GE(parts.at("slow").backward_seconds, 0.06);
  EXPECT_GT(parts.at("fast").backward_seconds, 0);
  const double others = parts.at("slow").forward_seconds + parts.at("fast").backward_seconds +
                        parts.at("backward").forward_seconds;
  EXPECT_LE(others + parts.at("slow").backward_seconds, elapsed());
  profile.clear();
  EXPECT_EQ(by_name(profile).at("slow").backward_seconds, 0);
}

TEST(Profile, CountsTheOperationsOfProductsAndConvolutions) {
  const Profile profile;
  const at::Tensor weight = torch::ones({5, 4, 3, 3}, torch::requires_grad());
  const at::Tensor matrix = torch::ones({7, 6}, torch::requires_grad());
  {
    const PartScope part("convolution");
    const at::Tensor x = torch::ones({2, 4, 8, 9});
    at::conv2d(x, weight, {}, 1, /*padding=*/1).sum().backward();
  }
  {
    const PartScope part("linear");
    at::linear(torch::ones({3, 6}), matrix, torch::ones({7})).sum().backward();
  }
  {
    const PartScope part("packed");
    const torch::NoGradGuard no_grad;
    Linear layer(6, 7);
    layer->eval();
    (void)layer(torch::ones({3, 6}));
  }
  auto parts = by_name(profile);
  EXPECT_EQ(parts.at("packed").operations, 2.0 * 3 * 6 * 7);
  const double once = 2.0 * (2 * 5 * 8 * 9) * (4 * 3 * 3);
  EXPECT_EQ(parts.at("convolution").operations, 2 * once);  // forward, and the weight's gradient
  EXPECT_EQ(parts.at("linear").operations, 2 * (2.0 * 3 * 6 * 7));
}

TEST(Profile, IsOneAtATimeAndCostsNothingAfterwards) {
  {
    const Profile profile;
    EXPECT_THROW(Profile{}, Error);
  }
  const PartScope part("nobody looks");
  const Profile later;
  EXPECT_EQ(by_name(later).count("nobody looks"), 0U);
}

}  // namespace
}  // namespace pcnet::core
