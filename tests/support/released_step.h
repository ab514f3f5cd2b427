#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "support/naive.h"

/// One training step of the authors' code once more, by the rules of
/// docs/released_forward.md#in-training and
/// docs/method.md#agreement-with-the-authors-training-step: picture by picture and text by text, on
/// tensors that keep their gradient. Nothing of the model and the losses of this project is called.
namespace pcnet::support::naive {

/// What such a step sees. Texts j are the B sentences, then the B partners: text j belongs to
/// picture j mod B. N counts stages.
struct ReleasedBatch {
  at::Tensor pictures;               ///< [B, 3, S, S], normalised
  at::Tensor grid;                   ///< [B, Cv, h, w], the image encoder's output
  at::Tensor texts;                  ///< [2 B, Ct], the text encoder's
  std::vector<at::Tensor> cues;      ///< [N - 1] of [2 B, Ct]
  at::Tensor same_picture;           ///< [B] bool: the partner is of the picture
  at::Tensor proposals;              ///< [B, P, g, g], padded with empty planes
  at::Tensor clip_scores;            ///< [B, P]
  std::vector<at::Tensor> own_text;  ///< [N] of [B, Cf], unit length: the frozen CLIP's features of
                                     ///< the text that is each stage's cue
  at::Tensor other_text;             ///< [B, K, Cf]: of the K negatives
  std::int64_t pair = 0;             ///< which pair of stages the shrinking looks at
};

/// The frozen CLIP: a picture [3, s, s] -> [Cf] of unit length.
struct FrozenEncoder {
  std::function<at::Tensor(const at::Tensor&)> encode;
  std::int64_t side = 0;
};

/// The terms of a step, scalars, not weighted.
struct ReleasedTerms {
  at::Tensor classification, own, negative, shrinking, foreground, disambiguation;
};

/// @param weights the model's parameters by name, which get a gradient
ReleasedTerms released_step(const ReleasedBatch& batch, const Weights& weights,
                            const FrozenEncoder& frozen);

/// TRIS's: texts [B, Ct] are the sentences alone; classification, own and negative are its terms.
ReleasedTerms tris_step(const ReleasedBatch& batch, const Weights& weights,
                        const FrozenEncoder& frozen);

}  // namespace pcnet::support::naive
