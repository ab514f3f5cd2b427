#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pcnet::data {

/// What one training step sees. Letters: B pictures, M texts a picture, U distinct texts, T tokens,
/// S pixels.
struct Batch {
  at::Tensor images;      ///< [B, 3, S, S] uint8
  at::Tensor tokens;      ///< [U, T] int64 on the CPU: each distinct text once, padded
  at::Tensor text_index;  ///< [B, M] int64: the rows of `tokens` that describe picture i
};

}  // namespace pcnet::data
