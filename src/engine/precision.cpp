#include "pcnet/engine/precision.h"

#include <array>
#include <utility>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::engine {

using core::cat;

namespace {

constexpr std::array<std::pair<Precision, const char*>, 4> kNames = {{{Precision::kFp32, "fp32"},
                                                                      {Precision::kTf32, "tf32"},
                                                                      {Precision::kBf16, "bf16"},
                                                                      {Precision::kFp16, "fp16"}}};

/// Compute capability 8.0, from which on a GPU has tf32 and bf16; LibTorch tells without CUDA's own
/// headers whether cuDNN may use bfloat16, which is the same question.
bool is_ampere_or_later(c10::Device device) {
  return device.is_cuda() && at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
}

void allow_tf32(bool convolutions, bool products) {
  at::globalContext().setAllowTF32CuDNN(convolutions);
  at::globalContext().setAllowTF32CuBLAS(products);
}

}  // namespace

std::string to_string(Precision precision) {
  for (const auto& [value, name] : kNames) {
    if (value == precision) return name;
  }
  throw core::Error(cat("no precision has the number ", static_cast<int>(precision)));
}

std::optional<Precision> fixed_precision(config::StepPrecision asked) {
  switch (asked) {
    case config::StepPrecision::kFp32:
      return Precision::kFp32;
    case config::StepPrecision::kTf32:
      return Precision::kTf32;
    case config::StepPrecision::kBf16:
      return Precision::kBf16;
    case config::StepPrecision::kFp16:
      return Precision::kFp16;
    case config::StepPrecision::kAuto:
      break;
  }
  return std::nullopt;
}

bool is_supported(Precision precision, c10::Device device) {
  if (precision == Precision::kTf32) return is_ampere_or_later(device);
  if (precision == Precision::kBf16) return device.is_cpu() || is_ampere_or_later(device);
  return true;
}

void require_supported(Precision precision, c10::Device device) {
  if (is_supported(precision, device)) return;
  throw core::ConfigError(cat("train.precision is ", to_string(precision), " on ", device.str(),
                              ": wanted a CUDA GPU of compute capability 8.0 or more, or ",
                              device.is_cuda() ? "fp32 or fp16" : "fp32 or bf16", " (or auto)"));
}

std::vector<Precision> candidates(c10::Device device) {
  if (device.is_cpu()) return {Precision::kFp32, Precision::kBf16};
  if (!is_ampere_or_later(device)) return {Precision::kFp32, Precision::kFp16};
  return {Precision::kFp32, Precision::kTf32, Precision::kBf16};
}

PrecisionGuard::PrecisionGuard(Precision precision, c10::Device device)
    : tf32_convolutions_(at::globalContext().allowTF32CuDNN()),
      tf32_products_(at::globalContext().allowTF32CuBLAS()) {
  require_supported(precision, device);
  if (precision == Precision::kBf16 || precision == Precision::kFp16) {
    autocast_.emplace(
        core::Autocast{.device = device.type(),
                       .enabled = true,
                       .type = precision == Precision::kBf16 ? at::kBFloat16 : at::kHalf});
  }
  const bool tf32 = precision == Precision::kTf32;  // fp32 is fp32, in convolutions too
  allow_tf32(tf32, tf32);
}

PrecisionGuard::~PrecisionGuard() { allow_tf32(tf32_convolutions_, tf32_products_); }

}  // namespace pcnet::engine
