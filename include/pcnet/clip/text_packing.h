#pragma once

#include <ATen/core/Tensor.h>

namespace pcnet::clip {

/// What the text encoder has to compute of a batch. Under the causal mask a text's feature depends
/// on its tokens up to the end token alone, so what follows is dropped and equal texts are one.
struct PackedTexts {
  at::Tensor tokens;    ///< [U, L] int64: distinct texts in order of appearance, L the longest
  at::Tensor end;       ///< [U] int64: place of the first greatest id, the end token
  at::Tensor place_of;  ///< [M] int64: the row of each text; undefined when no two are equal
};

/// tokens [M, T] int64 on the CPU, M and T at least 1. A text whose end token was cut off counts up
/// to its greatest id, as in CLIP: with the start token at place 0 all such texts are one.
PackedTexts pack_texts(const at::Tensor& tokens);

}  // namespace pcnet::clip
