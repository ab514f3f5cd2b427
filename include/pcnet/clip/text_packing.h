#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/clip/text_transformer.h"

namespace pcnet::clip {

/// What the text encoder has to compute of a batch. Under the causal mask a text's feature depends
/// on its tokens up to the end token alone, so what follows is dropped and equal texts are one.
struct PackedTexts {
  at::Tensor tokens;               ///< [R] int64: distinct texts, one after the other
  std::vector<EqualTexts> groups;  ///< those of equal length, in order
  at::Tensor end;                  ///< [M] int64: for each text the row of its end token, the first
                                   ///< greatest id
};

enum class Lengths {
  kOwn,      ///< each text has its own, the shortest come first: the least to compute
  kLongest,  ///< all have the longest's, behind their end padded with 0: the fewest operations
};

/// tokens [M, T] int64 on the CPU, M and T at least 1. A text whose end token was cut off counts up
/// to its greatest id, as in CLIP: with the start token at place 0 all such texts are one.
PackedTexts pack_texts(const at::Tensor& tokens, Lengths lengths);

}  // namespace pcnet::clip
