#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

namespace pcnet::core {

/// `auto` (CUDA when there is one), `cpu`, `cuda` or `cuda:N`. UsageError for another word, for
/// CUDA without a CUDA build or device, and for a device number that is not there.
c10::Device parse_device(const std::string& text);

/// Sets the threads of LibTorch and OpenCV alike; 0 means all that the processor has.
void set_threads(int threads);

/// While one lives, LibTorch's loops on the calling thread run on it alone, or on so many threads:
/// for threads that work side by side (`parallel_for`), where each loop would else start and await
/// a team of its own.
class LoopsOnThisThread {
 public:
  explicit LoopsOnThisThread(int threads = 1);
  ~LoopsOnThisThread();
  LoopsOnThisThread(const LoopsOnThisThread&) = delete;
  LoopsOnThisThread& operator=(const LoopsOnThisThread&) = delete;

 private:
  int before_;
};

/// Makes fp32 mean fp32, in convolutions of a GPU too, and says whether only operations that give
/// the same bits each time are allowed (an error of LibTorch names any other). cuBLAS reads its
/// part of it when it starts: to be called before the first operation.
void set_arithmetic(bool deterministic);

/// Largest resident memory of this process so far, in bytes.
std::uint64_t peak_resident_bytes();

}  // namespace pcnet::core
