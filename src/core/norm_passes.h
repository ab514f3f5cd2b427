#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

/// Batch norm of x [n, C, h, w], channels last, in fp32 or bf16 on a processor, in as few passes
/// over memory as it needs. Sums are taken in double, with the same bits on any number of threads.
namespace pcnet::core {

/// What follows the norm in the same pass.
enum class Then { kNothing, kRelu, kAddRelu };

/// Double: by channel mean and variance, of how many numbers each.
struct Moments {
  at::Tensor count;  ///< a scalar, which nobody waits for
  at::Tensor mean, variance;
};

/// The norm as (x - mean) * scale + shift, by channel.
struct Affine {
  at::Tensor mean, scale, shift;
};

namespace norm_passes {

/// Whether x is such a tensor.
bool fit(const at::Tensor& x);

Moments moments(const at::Tensor& x);
/// @param other of the shape of x for kAddRelu, else undefined
at::Tensor applied(const at::Tensor& x, const at::Tensor& other, const Affine& norm, Then then);
/// The gradient where y is above 0.
at::Tensor masked(const at::Tensor& gradient, const at::Tensor& y);
/// [2, C] double: the sums of the gradient, for kRelu where the norm is above 0, and of its product
/// with x - mean.
at::Tensor gradient_sums(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm,
                         Then then);
/// scale * gradient + slope * (x - mean) + constant, the gradient as above
at::Tensor gradient(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm, Then then,
                    const at::Tensor& slope, const at::Tensor& constant);

}  // namespace norm_passes

}  // namespace pcnet::core
