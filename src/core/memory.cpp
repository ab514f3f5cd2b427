#include "pcnet/core/memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pcnet/core/machine.h"
#include "pcnet/core/tensor_memory.h"

namespace pcnet::core {

namespace {

void raise_to(std::atomic<std::int64_t>& most, std::int64_t value) {
  std::int64_t before = most.load();
  while (before < value && !most.compare_exchange_weak(before, value)) {
  }
}

/// Bytes that the limit of the address space (ulimit -v) leaves.
std::uint64_t free_address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  std::ifstream in("/proc/self/statm");
  std::uint64_t pages = 0;
  in >> pages;
  const std::uint64_t used = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

// LibTorch's allocators report each tensor to whoever stands in for its profiler.
struct MemoryMeter::Tally : c10::MemoryReportingInfoBase {
  explicit Tally(c10::Device counted) : device(counted) {}

  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                         c10::Device where) override {
    if (where.type() != device.type()) return;
    raise_to(peak, held += bytes);
    raise_to(largest, bytes);
  }
  bool memoryProfilingEnabled() const override { return true; }

  c10::Device device;
  std::atomic<std::int64_t> held = 0;
  std::atomic<std::int64_t> peak = 0;
  std::atomic<std::int64_t> largest = 0;
};

struct MemoryMeter::Guard {
  explicit Guard(std::shared_ptr<Tally> tally)
      : guard(c10::DebugInfoKind::PROFILER_STATE, std::move(tally)) {}
  c10::DebugInfoGuard guard;
};

MemoryMeter::MemoryMeter(c10::Device device)
    : tally_(std::make_shared<Tally>(device)), guard_(std::make_unique<Guard>(tally_)) {}

MemoryMeter::~MemoryMeter() = default;

std::uint64_t MemoryMeter::peak() const { return static_cast<std::uint64_t>(tally_->peak); }

std::uint64_t MemoryMeter::largest() const { return static_cast<std::uint64_t>(tally_->largest); }

std::uint64_t free_memory(c10::Device device) {
  if (device.is_cpu()) {
    release_tensor_memory();
    return std::min(memory_info().available, free_address_space());
  }
  auto* allocator = c10::getDeviceAllocator(device.type());
  allocator->emptyCache();
  return allocator->getMemoryInfo(device.index()).first;
}

std::uint64_t peak_reserved_bytes(c10::Device device) {
  if (device.is_cpu()) return 0;
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return static_cast<std::uint64_t>(stats.reserved_bytes[0].peak);
}

bool is_out_of_memory(const std::exception& fault) {
  if (dynamic_cast<const std::bad_alloc*>(&fault) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&fault) != nullptr) return true;
  if (dynamic_cast<const c10::Error*>(&fault) == nullptr) return false;
  const std::string_view text = fault.what();
  return contains(text, "can't allocate memory") || contains(text, "not enough memory") ||
         contains(text, "out of memory");
}

std::optional<std::uint64_t> bytes_asked_for(const std::exception& fault) {
  static constexpr std::array<std::pair<std::string_view, double>, 4> kUnits = {
      {{" bytes", 1}, {" KiB", 0x1p10}, {" MiB", 0x1p20}, {" GiB", 0x1p30}}};
  static constexpr std::string_view kBefore = "ried to allocate ";  // "Tried", "you tried"
  const std::string text = fault.what();
  const std::size_t at = text.find(kBefore);
  if (at == std::string::npos) return std::nullopt;
  const char* const number = text.c_str() + at + kBefore.size();
  char* end = nullptr;
  const double value = std::strtod(number, &end);
  for (const auto& [unit, bytes] : kUnits) {
    if (end != number && std::string_view(end).starts_with(unit)) {
      return static_cast<std::uint64_t>(std::llround(value * bytes));
    }
  }
  return std::nullopt;
}

}  // namespace pcnet::core
