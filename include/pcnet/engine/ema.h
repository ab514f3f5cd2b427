#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

namespace pcnet::engine {

/// The running mean of a module's weights, mean = d mean + (1 - d) weights after each step; it
/// starts as the weights after the first one. Trained parameters and the running statistics of
/// norms have one; what is not trained has its own value.
class Ema {
 public:
  /// @param decay d, 0 <= d < 1. The module must outlive the object.
  Ema(const torch::nn::Module& module, double decay);

  /// After a step, in one go over all tensors.
  void update();

  /// Puts the mean in the weights' place, or the weights back. Values are exchanged, not copied.
  void swap();
  bool empty() const { return mean_.empty(); }  ///< before the first step

  /// "ema.<name>" for each tensor; nothing before the first step.
  std::map<std::string, at::Tensor> state() const;
  /// Error when a name is missing or has another shape; nothing is loaded from a state without any
  /// such name, that of a run before its first step.
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  double decay_;
  std::vector<std::pair<std::string, at::Tensor>> weights_;
  std::vector<at::Tensor> mean_;  // in the order of weights_
};

/// Has the mean in the weights' place while it lives; does nothing without a mean (nullptr, or
/// before the first step).
class AveragedWeights {
 public:
  explicit AveragedWeights(Ema* ema) : ema_(ema != nullptr && !ema->empty() ? ema : nullptr) {
    if (ema_ != nullptr) ema_->swap();
  }
  ~AveragedWeights() {
    if (ema_ != nullptr) ema_->swap();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  Ema* ema_;
};

}  // namespace pcnet::engine
