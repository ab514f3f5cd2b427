#pragma once

#include <functional>
#include <vector>

#include <torch/torch.h>

#include "pcnet/engine/precision.h"

namespace pcnet::engine {

/// How long a forward and backward pass takes in some arithmetic.
struct PrecisionTiming {
  Precision precision = Precision::kFp32;
  double seconds = 0;
};

/// Runs `pass` (forward and backward, waiting for the device at its end) a few times in each
/// candidate arithmetic of a device. The statistics of the norms and the default generators are
/// afterwards as they were; gradients are the caller's to forget.
std::vector<PrecisionTiming> measure_precisions(
    const torch::nn::Module& module, c10::Device device,
    const std::function<void(PrecisionGuard& guard)>& pass, bool alone = true);

/// The fastest of the measured, by more than noise: fp32 unless another is 5 % faster.
Precision fastest(const std::vector<PrecisionTiming>& measured);

}  // namespace pcnet::engine
