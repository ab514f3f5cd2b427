#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/core/batch_share.h"
#include "pcnet/model/referring_model.h"

namespace pcnet::engine {

/// The features of a batch, encoded in `parts` one after the other. A part keeps its pictures or
/// tokens alone for the gradient: it is encoded once more in the backward pass, so that one part's
/// graph exists at a time. What is made of the features sees the whole batch, and the gradient is
/// that of one part, but for batch norm in training, which normalises each part by itself; its
/// running statistics move once. Samples are dealt to the parts in turn, whichever process holds
/// them, so that a part is the same for any number of processes.
struct PartwiseEncoding {
  std::int64_t parts = 1;  ///< train.accumulate; more than there are samples: one each

  /// The own images [n, 3, S, S] uint8 -> [n, C, h, w]
  at::Tensor images(model::ReferringModel& model, const at::Tensor& images,
                    const core::BatchShare& share = {}) const;
  /// tokens [U, T] int64 of all texts, of which each process encodes some -> [U, C]
  at::Tensor texts(model::ReferringModel& model, const at::Tensor& tokens,
                   const core::BatchShare& share = {}) const;
};

}  // namespace pcnet::engine
