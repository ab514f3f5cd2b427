#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

namespace pcnet::core {

/// LibTorch's automatic choice of arithmetic (autocast) of this thread on one kind of device.
struct Autocast {
  c10::DeviceType device = c10::DeviceType::CPU;
  bool enabled = false;
  c10::ScalarType type = c10::ScalarType::BFloat16;  ///< of products and convolutions
  bool cached = true;  ///< a weight is converted once; wrong where some passes have no graph

  /// As it is now.
  static Autocast of(c10::DeviceType device);
};

/// Sets autocast while it lives; afterwards it is as it was, and no converted weight is kept.
class AutocastScope {
 public:
  explicit AutocastScope(const Autocast& wanted);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  Autocast before_;
};

}  // namespace pcnet::core
