#pragma once

#include <torch/torch.h>

namespace pcnet::core {

/// norm(x) of x [B, C, h, w], as the module has it: batch statistics in training, which move the
/// running ones. In training on a processor, for x channels last in fp32 or bf16, sums are taken in
/// double, whatever the threads, and what follows is part of the same passes over memory.
at::Tensor normed(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x);
/// ReLU(norm(x))
at::Tensor normed_relu(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x);
/// ReLU(norm(x) + other)
at::Tensor normed_add_relu(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x,
                           const at::Tensor& other);

}  // namespace pcnet::core
