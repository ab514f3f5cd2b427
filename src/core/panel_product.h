#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pcnet::core {

/// Whether the processor has what panel_product() is written for: registers of eight or sixteen
/// numbers, and products and sums in one operation.
bool has_panel_product();

/// Weights [out, in] float32 as panel_product() reads them, one after the other: panels of so many
/// outputs as registers hold, [panels, in, outputs], zeros behind the last.
at::Tensor panels_of(const at::Tensor& weight);
/// bias [out] float32 with zeros behind it, one for each output of these weights' panels.
at::Tensor padded_for(const at::Tensor& weight, const at::Tensor& bias);

/// x [R, in] float32, weights as panels, the padded bias -> [R, out]: x W^T + b. Made for few rows,
/// where the weights' way from memory is what takes time: each panel comes once. A row is the same
/// bits whatever stands beside it and on any number of threads.
at::Tensor panel_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                         std::int64_t out);

}  // namespace pcnet::core
