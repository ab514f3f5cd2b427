// LibTorch seeds its generator at random. Every test begins with the same numbers instead, so that
// one that fails once fails again.

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::support {
namespace {

class SeedEveryTest : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo& /*test*/) override { torch::manual_seed(1); }
};

const bool kListens = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new SeedEveryTest);  // GoogleTest owns it
  return true;
}();

}  // namespace
}  // namespace pcnet::support
