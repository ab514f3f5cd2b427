#pragma once

#include <optional>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "pcnet/config/train_choices.h"
#include "pcnet/core/autocast.h"

namespace pcnet::engine {

/// The arithmetic of a training step. Weights, their moments and the losses are fp32 in each.
enum class Precision {
  kFp32,  ///< everything
  kTf32,  ///< products and convolutions keep 10 binary digits of each factor (CUDA)
  kBf16,  ///< products and convolutions in bfloat16
  kFp16   ///< the same in half precision, with a scaled loss (GradientScaler)
};

std::string to_string(Precision precision);

/// What train.precision asks for; nothing for `auto`.
std::optional<Precision> fixed_precision(config::StepPrecision asked);

/// Whether the device can do it, and does it faster than fp32 as far as it tells (`auto`).
bool is_supported(Precision precision, c10::Device device);

/// ConfigError that says what can be done when the device cannot.
void require_supported(Precision precision, c10::Device device);

/// What `auto` tries on a device, fp32 first.
std::vector<Precision> candidates(c10::Device device);

/// Does a step's arithmetic while it lives, in this thread; afterwards all is as it was.
class PrecisionGuard {
 public:
  PrecisionGuard(Precision precision, c10::Device device);
  ~PrecisionGuard();
  PrecisionGuard(const PrecisionGuard&) = delete;
  PrecisionGuard& operator=(const PrecisionGuard&) = delete;

  /// Ends autocast: the backward pass follows the types of the forward pass by itself, and would
  /// lose digits of what was fp32 there.
  void end_forward() { autocast_.reset(); }

 private:
  std::optional<core::AutocastScope> autocast_;
  bool tf32_convolutions_;
  bool tf32_products_;
};

}  // namespace pcnet::engine
