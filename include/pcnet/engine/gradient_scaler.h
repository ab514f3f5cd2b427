#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

namespace pcnet::engine {

/// The factor of the loss in fp16, where small gradients would vanish: large as long as no gradient
/// overflows. A step that overflows is skipped and halves it; 2000 good ones in a row double it.
class GradientScaler {
 public:
  double scale() const { return scale_; }
  std::int64_t skipped() const { return skipped_; }  ///< steps of the run so far

  /// After a step with finite gradients.
  void succeeded();
  /// After a step whose gradients overflowed. Error once the scale is so small that it cannot be
  /// the reason.
  void overflowed();

  /// "scaler.scale", "scaler.good_steps" and "scaler.skipped", a scalar each.
  std::map<std::string, at::Tensor> state() const;
  /// Error when one is missing.
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  double scale_ = 65536;
  std::int64_t good_steps_ = 0;  // since the scale changed
  std::int64_t skipped_ = 0;
};

}  // namespace pcnet::engine
