#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pcnet::engine {

/// Parameters, by name, that share a factor of the learning rate and whether they decay.
struct ParameterGroup {
  std::string name;
  double factor = 1.0;
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  bool decays = true;
};

/// The groups with norms and biases, the parameters of fewer than two dimensions, in groups of
/// their own that do not decay; a group that would be empty is left out.
std::vector<ParameterGroup> without_decay_of_norms(const std::vector<ParameterGroup>& groups);

/// AdamW (decoupled weight decay) through LibTorch's fused kernel. Its state is kept by parameter
/// name; a parameter without gradient is left alone.
class AdamW {
 public:
  struct Options {
    double weight_decay = 0.01;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
  };

  /// Gradients are clipped to max_norm / (norm + this): a norm of 0 divides nothing.
  static constexpr double kBesideTheNorm = 1e-6;

  AdamW(const std::vector<ParameterGroup>& groups, const Options& options);

  void zero_grad();
  /// Multiplies every gradient.
  void scale_gradients(double factor);
  /// The norm of all gradients, scaled down to `max_norm` when it is larger; 0: only measured. One
  /// that is not finite leaves them as they are.
  double clip_gradients(double max_norm);
  /// The norm of all gradients, a scalar on their device. Error when there is none.
  at::Tensor gradient_norm() const;

  /// What a step is to do with gradients whose values are not read on the host: scalars of float on
  /// the device of the parameters.
  struct Guard {
    at::Tensor divisor = {};  ///< of each gradient; undefined: 1
    at::Tensor skip = {};     ///< 1: nothing changes; undefined: 0
  };
  void step(double learning_rate, const Guard& guard);
  void step(double learning_rate) { step(learning_rate, {}); }

  /// The parameters as they were given.
  const std::vector<ParameterGroup>& groups() const { return given_; }

  /// Moments and step counts by name ("exp_avg.<parameter>", ...), for a checkpoint.
  std::map<std::string, at::Tensor> state() const;
  /// Error when a name is missing or has another shape.
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  std::vector<at::Tensor> gradients() const;

  struct Slot {
    std::string name;
    at::Tensor parameter;
    at::Tensor exp_avg;
    at::Tensor exp_avg_sq;
    at::Tensor steps;
  };
  struct Group {
    double factor;
    double weight_decay;
    std::vector<Slot> slots;
  };

  Options options_;
  std::vector<ParameterGroup> given_;
  std::vector<Group> groups_;
};

}  // namespace pcnet::engine
