#pragma once

#include <functional>

#include <torch/torch.h>

namespace pcnet::core {

/// What a stage of a network computes. It reads parameters of one module alone and draws nothing at
/// random.
using Stage = std::function<at::Tensor(const at::Tensor&)>;

/// stage(x), keeping x alone for the gradient: the backward pass computes the stage once more, in
/// the arithmetic of the first time, and its batch norms count one pass. The gradient is that of
/// stage(x) to the bit. Both are called later: they must outlive the graph.
/// @param module holds every parameter that the stage reads
at::Tensor recomputed(const torch::nn::Module& module, const Stage& stage, const at::Tensor& x);

}  // namespace pcnet::core
