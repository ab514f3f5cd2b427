#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pcnet::losses {

/// The parts of a loss by name, each a scalar, and their weighted sum.
struct Terms {
  std::vector<std::pair<std::string, at::Tensor>> terms;
  at::Tensor total;

  /// Adds `weight` times `value` to the total and keeps the unweighted value.
  void add(const std::string& name, double weight, const at::Tensor& value);
};

}  // namespace pcnet::losses
