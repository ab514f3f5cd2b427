#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/clip/text_transformer.h"

namespace pcnet::clip {

/// What the text encoder has to compute of a batch. Under the causal mask a text's feature depends
/// on its tokens up to the end token alone, so what follows is dropped and equal texts are one.
struct PackedTexts {
  at::Tensor tokens;  ///< [R] int64
  at::Tensor places;  ///< [R] int64: each token's place in its text
  TokenRows rows;     ///< of the distinct texts, E of them
  at::Tensor text;    ///< [M] int64: which of them each text is; undefined: each its own
};

enum class TextLayout {
  kShared,  ///< texts that begin alike share the rows of their beginning: the least to compute
  kPadded,  ///< each distinct text has as many rows as the longest, behind its end of the token 0:
            ///< the fewest operations
};

/// tokens [M, T] int64 on the CPU, M and T at least 1. A text ends with its first greatest id, as
/// in CLIP: with the start token at place 0 all texts whose end token was cut off are one.
PackedTexts pack_texts(const at::Tensor& tokens, TextLayout layout);

}  // namespace pcnet::clip
