#pragma once

#include <ATen/core/Tensor.h>

/// What losses take of maps, in as few passes over memory as it needs, on a processor, with
/// gradients. The same bits on any number of threads.
namespace pcnet::losses::map_passes {

/// Whether cells [B, M, P] are such maps: float or double on a processor, each map whole.
bool fit(const at::Tensor& cells);

/// Of each map, [B, M].
struct Pools {
  at::Tensor mean, maximum;
  at::Tensor share;  ///< the mean of its softmax across a constant map of ones and all texts' maps
};

/// Of maps that fit(). The gradient of a maximum that several cells have is shared by them.
Pools pools(const at::Tensor& cells);

/// Of maps that fit(): log of the sum of exp over the cells, [B, M]; not a number where all are
/// infinite.
at::Tensor log_sum_exp(const at::Tensor& cells);

}  // namespace pcnet::losses::map_passes
