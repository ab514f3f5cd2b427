#pragma once

#include <cstdint>
#include <fstream>

#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include "pcnet/core/memory.h"

namespace pcnet::support {

/// Bytes of this process that are resident now.
inline std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t whole = 0;
  std::int64_t resident = 0;
  file >> whole >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

/// A tensor that no machine has room for is an error that is known as one of memory.
inline void expect_out_of_memory_is_known() {
  try {
    const at::Tensor huge = at::empty({std::int64_t{1} << 58}, at::kByte);
    FAIL() << "got memory that no machine has";
  } catch (const c10::Error& error) {
    EXPECT_TRUE(core::is_out_of_memory(error)) << error.what();
    EXPECT_EQ(core::bytes_asked_for(error), std::uint64_t{1} << 58) << error.what();
  }
}

}  // namespace pcnet::support
