#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/core/batch_share.h"

namespace pcnet::data {

/// What one training step sees. Letters: B pictures, M texts a picture, U distinct texts, T tokens,
/// S pixels, K cues a sentence, D partner sentences a picture, P proposals a picture. Texts are
/// rows of `tokens`; K and D are 0 where none were asked for. Tensors but `images` may be undefined
/// in a batch made by hand.
///
/// Where several processes share a batch, `images`, `proposals` and `clip_scores` are those of the
/// own pictures; the rest, which costs little, is of all.
struct Batch {
  at::Tensor images;                  ///< [B, 3, S, S] uint8
  at::Tensor tokens;                  ///< [U, T] int64 on the CPU: each distinct text once, padded
  at::Tensor text_index;              ///< [B, M] int64: the texts that describe picture i
  at::Tensor mirrored_index = {};     ///< [B, M] int64: each text turned round (text::turned); -1:
                                      ///< none, or true of picture i as well
  at::Tensor cue_index = {};          ///< [B, M, K] int64: the cues of each text
  at::Tensor partner_index = {};      ///< [B, D] int64: sentences of other objects of picture i
  at::Tensor partner_cue_index = {};  ///< [B, D, K] int64: the cues of each partner
  at::Tensor has_partner = {};        ///< [B, D] bool; where false, the row is the sample's own
  at::Tensor proposals = {};  ///< [B, P, h, w] uint8 on the loss grid, padded with all-zero planes;
                              ///< undefined when none were asked for
  at::Tensor clip_scores = {};  ///< [B, P] float: CLIP's, of each proposal to the first text, 0 for
                                ///< padding; undefined when none were asked for
  at::Tensor image_ids = {};    ///< [B] int64 on the CPU
  at::Tensor ref_ids = {};      ///< [B] int64 on the CPU; -1: a picture, not one object
  at::Tensor sent_ids = {};     ///< [B, M] int64 on the CPU; -1: no referring expression

  core::BatchShare share = {};  ///< which pictures are the own ones
  /// Own rows whose picture cannot be read; `images` lacks them, and so will all (agreed()).
  std::vector<std::int64_t> unreadable = {};

  /// B of the whole batch.
  std::int64_t size() const { return share.whole(images.size(0)); }
  /// The batch on a device, but for the tokens, which the text encoder packs on the CPU, and the
  /// ids.
  Batch to(c10::Device device) const;
};

/// Makes one batch of what the processes made of the same samples, each with its even share of the
/// pictures: without the rows whose picture one of them could not read. Error when a process has
/// none left.
Batch agreed(Batch batch, const std::shared_ptr<core::Communicator>& team);

}  // namespace pcnet::data
