#include "pcnet/core/device.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "pcnet/core/error.h"

namespace pcnet::core {
namespace {

using ::testing::HasSubstr;

std::string message_for(const std::string& device) {
  try {
    parse_device(device);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(ParseDevice, KnowsTheProcessorAndAuto) {
  EXPECT_TRUE(parse_device("cpu").is_cpu());
  EXPECT_EQ(parse_device("auto").is_cuda(), torch::cuda::is_available());
}

TEST(ParseDevice, RejectsOtherWords) {
  EXPECT_THAT(message_for("gpu"), HasSubstr("wanted auto, cpu, cuda or cuda:N"));
  EXPECT_THAT(message_for(""), HasSubstr("unknown"));
  EXPECT_THAT(message_for("cuda:"), HasSubstr("wanted a number"));
  EXPECT_THAT(message_for("cuda:x"), HasSubstr("wanted a number"));
  EXPECT_THAT(message_for("cuda:-1"), HasSubstr("wanted a number"));
  EXPECT_THAT(message_for("cuda:1x"), HasSubstr("wanted a number"));
}

TEST(ParseDevice, SaysWhyThereIsNoCuda) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is a CUDA device";
  EXPECT_THAT(message_for("cuda"), HasSubstr("CUDA"));
  EXPECT_THAT(message_for("cuda:0"), HasSubstr("use cpu or auto"));
}

TEST(ParseDevice, RejectsADeviceNumberThatIsNotThere) {
  EXPECT_THAT(message_for("cuda:99"), HasSubstr("cuda:99"));
}

TEST(SetThreads, SetsTheThreadsOfLibTorch) {
  const int before = at::get_num_threads();
  set_threads(2);
  EXPECT_EQ(at::get_num_threads(), 2);
  set_threads(before);
}

TEST(LoopsOnThisThread, LeaveOtherThreadsAsTheyAre) {
  const int before = at::get_num_threads();
  set_threads(3);
  int beside = 0;
  {
    const LoopsOnThisThread alone;
    EXPECT_EQ(at::get_num_threads(), 1);
    std::jthread([&beside] { beside = at::get_num_threads(); }).join();
  }
  EXPECT_EQ(beside, 3);
  EXPECT_EQ(at::get_num_threads(), 3);
  set_threads(before);
}

TEST(PeakResidentBytes, GrowsWithUse) {
  const auto before = peak_resident_bytes();
  EXPECT_GT(before, 1U << 20U);
  const std::vector<char> much(64U << 20U, 'x');
  EXPECT_GE(peak_resident_bytes(), std::max<std::uint64_t>(before, 64U << 20U)) << much.back();
}

}  // namespace
}  // namespace pcnet::core
