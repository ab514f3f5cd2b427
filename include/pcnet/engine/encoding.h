#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/model/referring_model.h"

namespace pcnet::engine {

/// The features of a batch, encoded in `parts` one after the other. A part keeps its pictures or
/// tokens alone for the gradient: it is encoded once more in the backward pass, so that one part's
/// graph exists at a time. What is made of the features sees the whole batch, and the gradient is
/// that of one part, but for batch norm in training, which normalises each part by itself; its
/// running statistics move once.
struct PartwiseEncoding {
  std::int64_t parts = 1;  ///< train.accumulate; more than there are samples: one each

  /// images [B, 3, S, S] uint8 -> [B, C, h, w]
  at::Tensor images(model::ReferringModel& model, const at::Tensor& images) const;
  /// tokens [U, T] int64 -> [U, C]
  at::Tensor texts(model::ReferringModel& model, const at::Tensor& tokens) const;
};

}  // namespace pcnet::engine
