#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

namespace pcnet::support {

/// Counts the tensor memory that this thread takes on the CPU while the object lives.
class AllocationWatch {
 public:
  AllocationWatch()
      : counter_(std::make_shared<Counter>()),
        guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}

  std::int64_t largest() const { return counter_->largest; }  ///< bytes of one allocation
  std::int64_t peak() const { return counter_->peak; }        ///< bytes held at once

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                           c10::Device) override {
      held += bytes;
      largest = std::max(largest, bytes);
      peak = std::max(peak, held);
    }
    bool memoryProfilingEnabled() const override { return true; }

    std::int64_t held = 0;
    std::int64_t largest = 0;
    std::int64_t peak = 0;
  };

  std::shared_ptr<Counter> counter_;
  c10::DebugInfoGuard guard_;
};

}  // namespace pcnet::support
