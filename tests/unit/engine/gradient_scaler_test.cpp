#include "pcnet/engine/gradient_scaler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

namespace pcnet::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(GradientScaler, DoublesAfterTwoThousandGoodStepsInARow) {
  GradientScaler scaler;
  EXPECT_EQ(scaler.scale(), 65536);
  for (int i = 0; i < 1999; ++i) scaler.succeeded();
  EXPECT_EQ(scaler.scale(), 65536);
  scaler.overflowed();  // the row begins anew
  EXPECT_EQ(scaler.scale(), 32768);
  EXPECT_EQ(scaler.skipped(), 1);
  for (int i = 0; i < 1999; ++i) scaler.succeeded();
  EXPECT_EQ(scaler.scale(), 32768);
  scaler.succeeded();
  EXPECT_EQ(scaler.scale(), 65536);
}

TEST(GradientScaler, GivesUpWhereNoScaleCanHelp) {
  GradientScaler scaler;
  for (int i = 0; i < 26; ++i) scaler.overflowed();
  EXPECT_EQ(scaler.scale(), 1.0 / 1024);
  EXPECT_THAT([&] { scaler.overflowed(); },
              ThrowsMessage<core::Error>(HasSubstr("27 steps skipped")));
}

TEST(GradientScaler, GoesOnFromItsState) {
  GradientScaler scaler;
  scaler.overflowed();
  for (int i = 0; i < 1990; ++i) scaler.succeeded();
  GradientScaler other;
  other.load_state(scaler.state());
  EXPECT_EQ(other.skipped(), 1);
  for (int i = 0; i < 9; ++i) other.succeeded();
  EXPECT_EQ(other.scale(), 32768);
  other.succeeded();
  EXPECT_EQ(other.scale(), 65536);
  auto state = scaler.state();
  state.erase("scaler.good_steps");
  EXPECT_THAT([&] { other.load_state(state); },
              ThrowsMessage<core::Error>(HasSubstr("\"scaler.good_steps\"")));
}

}  // namespace
}  // namespace pcnet::engine
