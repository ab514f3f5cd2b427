#include "pcnet/core/tensor_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/memory.h"

#include "support/memory.h"

namespace pcnet::core {
namespace {

constexpr std::int64_t kMega = 1 << 20;

at::Tensor bytes(std::int64_t count) { return at::full({count}, 1, at::kByte); }

TEST(TensorMemory, IsUsedAgainByATensorOfTheSameSize) {
  ASSERT_TRUE(reuse_tensor_memory());
  const void* first = bytes(40 * kMega).data_ptr();
  const at::Tensor second = bytes(40 * kMega);
  EXPECT_EQ(second.data_ptr(), first);
  EXPECT_NE(bytes(40 * kMega).data_ptr(), first);  // it is taken
}

TEST(TensorMemory, IsUsedAgainBySmallerTensorsSideBySide) {
  ASSERT_TRUE(reuse_tensor_memory());
  const char* first = static_cast<const char*>(bytes(40 * kMega).data_ptr());
  {
    const at::Tensor head = bytes(30 * kMega);
    const at::Tensor tail = bytes(10 * kMega);
    EXPECT_EQ(head.data_ptr(), first);
    EXPECT_EQ(tail.data_ptr(), first + 30 * kMega);
  }
  EXPECT_EQ(bytes(40 * kMega).data_ptr(), first);  // joined again
}

TEST(TensorMemory, IsHardlyMoreThanWasInUseAtOnce) {
  ASSERT_TRUE(reuse_tensor_memory());
  { const at::Tensor warm_up = bytes(2 * kMega); }
  const std::int64_t before = support::resident_bytes();
  { const at::Tensor most = bytes(200 * kMega); }
  std::int64_t peak = 0;
  for (std::int64_t i = 0; i < 500; ++i) {
    // Sizes of all kinds, 50 to 170 MB at once.
    const at::Tensor one = bytes((10 + i * 37 % 90) * kMega);
    const at::Tensor two = bytes((20 + i * 53 % 60) * kMega);
    const at::Tensor three = bytes((2 + i * 11 % 16) * kMega);
    peak = std::max(peak, support::resident_bytes() - before);
  }
  EXPECT_LT(peak, 220 * kMega);
}

TEST(TensorMemory, GivesRoomToALargerTensor) {
  ASSERT_TRUE(reuse_tensor_memory());
  { const at::Tensor warm_up = bytes(2 * kMega); }
  const std::int64_t before = support::resident_bytes();
  {
    std::vector<at::Tensor> many;
    for (int i = 0; i < 20; ++i) many.push_back(bytes(10 * kMega));
  }
  const at::Tensor one = bytes(200 * kMega);
  EXPECT_LT(support::resident_bytes() - before, 220 * kMega);
}

TEST(TensorMemory, IsGivenBackWhenItIsReleased) {
  ASSERT_TRUE(reuse_tensor_memory());
  { const at::Tensor warm_up = bytes(2 * kMega); }
  const std::int64_t before = support::resident_bytes();
  { const at::Tensor large = bytes(200 * kMega); }
  EXPECT_GT(support::resident_bytes() - before, 190 * kMega);
  release_tensor_memory();
  EXPECT_LT(support::resident_bytes() - before, 10 * kMega);
}

TEST(TensorMemory, KeepsTheTensorsOfSeveralThreadsApart) {
  ASSERT_TRUE(reuse_tensor_memory());
  std::vector<int> damaged(4);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < damaged.size(); ++t) {
    threads.emplace_back([&damaged, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const auto count = static_cast<std::int64_t>(1 + (t * 7 + i * 5) % 9) * kMega;
        const auto value = static_cast<std::int64_t>(t * 50 + i % 50);
        const at::Tensor own = at::full({count}, value, at::kByte);
        std::this_thread::yield();
        if (!own.eq(value).all().item<bool>()) ++damaged[t];
      }
    });
  }
  threads.clear();
  EXPECT_EQ(damaged, std::vector<int>(4));
}

TEST(TensorMemory, TakesBackWhatLibTorchsOwnAllocatorGave) {
  void* before = c10::GetCPUAllocator()->raw_allocate(4 * kMega);
  ASSERT_TRUE(reuse_tensor_memory());
  c10::GetCPUAllocator()->raw_deallocate(before);
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{4 * kMega}}) {
    c10::GetCPUAllocator()->raw_deallocate(c10::GetCPUAllocator()->raw_allocate(size));
  }
}

TEST(TensorMemory, IsCounted) {
  ASSERT_TRUE(reuse_tensor_memory());
  const MemoryMeter meter(c10::kCPU);
  { const at::Tensor one = bytes(8 * kMega); }
  { const at::Tensor two = bytes(8 * kMega); }
  EXPECT_EQ(meter.peak(), 8U * kMega);
  EXPECT_EQ(meter.largest(), 8U * kMega);
}

TEST(TensorMemory, SaysWhenThereIsNone) {
  ASSERT_TRUE(reuse_tensor_memory());
  support::expect_out_of_memory_is_known();
}

TEST(TensorMemory, IsLeftToGlibcWhereTheUserChose) {
  for (const char* name : {"MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_",
                           "MALLOC_TOP_PAD_"}) {
    ::setenv(name, "1000000", 1);
    EXPECT_FALSE(reuse_tensor_memory()) << name;
    ::unsetenv(name);
  }
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1000000", 1);
  EXPECT_FALSE(reuse_tensor_memory());
  EXPECT_EQ(c10::GetCPUAllocator(), c10::GetDefaultCPUAllocator());
  ::setenv("GLIBC_TUNABLES", "glibc.rtld.nns=4", 1);
  EXPECT_TRUE(reuse_tensor_memory());
}

}  // namespace
}  // namespace pcnet::core
