#pragma once

#include <cstdint>

#include "pcnet/data/batches/batch.h"
#include "pcnet/model/pcnet.h"

#include "support/lively.h"
#include "support/tiny.h"

namespace pcnet::support {

constexpr std::int64_t kTinyVocabulary = 24;

/// A batch with everything that the losses look at: each of `pictures` pictures of 96 px (6 x 6
/// cells for tiny_clip()) with a sentence, a partner, three cues each and four proposals; no two
/// texts are equal.
inline data::Batch full_batch(std::int64_t pictures) {
  torch::manual_seed(11);
  data::Batch batch;
  batch.images = torch::randint(0, 256, {pictures, 3, 96, 96}, torch::kByte);
  const std::int64_t texts = pictures * 8;
  batch.tokens = torch::randint(1, kTinyVocabulary - 2, {texts, 7}, torch::kInt64);
  batch.tokens.select(1, 0).fill_(kTinyVocabulary - 2);
  batch.tokens.select(1, -1).fill_(kTinyVocabulary - 1);
  const at::Tensor all = torch::arange(texts, torch::kInt64);
  batch.text_index = all.slice(0, 0, pictures).view({pictures, 1});
  batch.partner_index = all.slice(0, pictures, 2 * pictures).view({pictures, 1});
  batch.cue_index = all.slice(0, 2 * pictures, 5 * pictures).view({pictures, 1, 3});
  batch.partner_cue_index = all.slice(0, 5 * pictures).view({pictures, 1, 3});
  batch.has_partner = torch::ones({pictures, 1}, torch::kBool);
  batch.proposals = torch::rand({pictures, 4, 6, 6}).gt(0.6).to(torch::kByte);
  return batch;
}

/// PCNet with a profile's settings, small, with none of its parameters at a special value. The same
/// for every call.
inline model::PCNet lively_pcnet(config::Choice<config::Profile> profile) {
  torch::manual_seed(2);
  model::PCNet model(tiny_model(profile), kTinyVocabulary);
  make_lively(*model, /*seed=*/4, /*noise=*/0.1);
  return model;
}

}  // namespace pcnet::support
