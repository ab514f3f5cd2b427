#include "pcnet/runtime/clip_alone.h"

#include <gtest/gtest.h>

namespace pcnet::runtime {
namespace {

TEST(GlobalWeight, FollowsTheDatasetUnlessItIsSaid) {
  config::EvalOptions options;
  EXPECT_EQ(global_weight(options, "refcocog"), 0.85);
  for (const char* other : {"refcoco", "refcoco+", "refsynth", "custom"}) {
    EXPECT_EQ(global_weight(options, other), 0.95) << other;
  }
  options.global_weight = 0;
  EXPECT_EQ(global_weight(options, "refcocog"), 0);
}

}  // namespace
}  // namespace pcnet::runtime
