#include "pcnet/core/device.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <opencv2/core.hpp>
#include <sys/resource.h>
#include <torch/cuda.h>

#include "pcnet/core/barriers.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/machine.h"
#include "pcnet/core/parallel.h"

namespace pcnet::core {

namespace {

constexpr std::string_view kCudaPrefix = "cuda:";

void require_cuda(const std::string& text) {
  if (torch::cuda::is_available()) return;
  const bool built = at::Context::hasCUDART();
  throw UsageError(cat("device ", text, ": ",
                       built ? "no CUDA device was found" : "this LibTorch is built without CUDA",
                       "; use cpu or auto (`pcnet doctor` shows what there is)"));
}

c10::Device numbered_cuda(const std::string& text) {
  const std::string_view digits = std::string_view(text).substr(kCudaPrefix.size());
  int number = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (fault != std::errc() || end != digits.data() + digits.size() || number < 0) {
    throw UsageError(cat("device \"", text, "\": wanted a number after cuda:, e.g. cuda:0"));
  }
  require_cuda(text);
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (number >= count) {
    throw UsageError(
        cat("device ", text, ": there are ", count, " CUDA devices, cuda:0 to cuda:", count - 1));
  }
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(number)};
}

void set_interop_threads(int threads) {
  static std::once_flag once;
  std::call_once(once, [threads] {
    try {
      at::set_num_interop_threads(threads);
    } catch (const c10::Error&) {
      log::debug("inter-op threads stay as they are: LibTorch has already started them");
    }
  });
}

/// Of the calling thread alone, which at::set_num_threads is not. OpenMP's libraries share the
/// name; nothing happens where LibTorch has another kind of threads.
void set_threads_of_this_thread(int threads) {
  static const auto set =
      reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set != nullptr) set(threads);
}

}  // namespace

c10::Device parse_device(const std::string& text) {
  if (text == "cpu") return c10::kCPU;
  if (text == "auto") {
    return torch::cuda::is_available() ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  if (text == "cuda") {
    require_cuda(text);
    return {c10::kCUDA, 0};
  }
  if (text.starts_with(kCudaPrefix)) return numbered_cuda(text);
  throw UsageError(cat("device \"", text, "\" is unknown: wanted auto, cpu, cuda or cuda:N"));
}

void set_threads(int threads) {
  const int usable = usable_threads(threads);
  at::set_num_threads(usable);
  set_interop_threads(usable);
  cv::setNumThreads(std::min(usable, usable_cores()));  // its library complains of more
  watch_for_crowding(usable);
}

LoopsOnThisThread::LoopsOnThisThread(int threads) : before_(at::get_num_threads()) {
  set_threads_of_this_thread(threads);
}

LoopsOnThisThread::~LoopsOnThisThread() { set_threads_of_this_thread(before_); }

void set_arithmetic(bool deterministic) {
  // cuBLAS adds up in one order with a workspace of its own; a value that was set is kept.
  if (deterministic) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*replace=*/0);
  auto& context = at::globalContext();
  context.setDeterministicAlgorithms(deterministic, /*warn_only=*/false);
  context.setDeterministicCuDNN(deterministic);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuDNN(false);
}

std::uint64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace pcnet::core
