#include "pcnet/core/memory.h"

#include <new>
#include <stdexcept>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/memory.h"

namespace pcnet::core {
namespace {

constexpr std::int64_t kNumbers = 100'000;  // of four bytes

TEST(MemoryMeter, CountsWhatIsHeldAtOnce) {
  const MemoryMeter meter(c10::kCPU);
  {
    const at::Tensor one = at::empty({kNumbers});
    const at::Tensor two = at::empty({3 * kNumbers});
  }
  const at::Tensor three = at::empty({2 * kNumbers});
  EXPECT_GE(meter.peak(), 16U * kNumbers);
  EXPECT_LT(meter.peak(), 17U * kNumbers);  // the third came when the others were gone
  EXPECT_GE(meter.largest(), 12U * kNumbers);
  EXPECT_LT(meter.largest(), 13U * kNumbers);
}

TEST(MemoryMeter, SeesWhatTheBackwardPassTakes) {
  const at::Tensor weight = at::ones({kNumbers}).requires_grad_();
  const MemoryMeter meter(c10::kCPU);
  (weight * weight).sum().backward();
  EXPECT_GE(meter.peak(), 8U * kNumbers);  // the products' gradient and the weight's
}

TEST(MemoryMeter, CountsNothingBeforeAndAfter) {
  const at::Tensor before = at::empty({kNumbers});
  std::uint64_t peak = 0;
  {
    const MemoryMeter meter(c10::kCPU);
    peak = meter.peak();
  }
  const at::Tensor after = at::empty({kNumbers});
  EXPECT_EQ(peak, 0U);
}

TEST(OutOfMemory, IsKnownFromTheAllocatorsOwnError) { support::expect_out_of_memory_is_known(); }

TEST(OutOfMemory, IsKnownFromEachOfItsForms) {
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
  const c10::OutOfMemoryError card(
      {__func__, __FILE__, __LINE__},
      "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 8 GiB");
  EXPECT_TRUE(is_out_of_memory(card));
  EXPECT_EQ(bytes_asked_for(card), (std::uint64_t{5} << 30) / 2);
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("out of memory")));  // whose word is that?
  EXPECT_FALSE(is_out_of_memory(Error("the disk is full")));
  EXPECT_FALSE(bytes_asked_for(std::bad_alloc()).has_value());
}

TEST(FreeMemory, IsSomethingAndNoMoreThanThereIs) {
  EXPECT_GT(free_memory(c10::kCPU), 0U);
  EXPECT_EQ(peak_reserved_bytes(c10::kCPU), 0U);
}

}  // namespace
}  // namespace pcnet::core
