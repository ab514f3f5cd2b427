#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pcnet/data/audit/audit.h"
#include "pcnet/data/cues/cue_store.h"

namespace pcnet::cues {

/// What the cues of a dataset are like, in numbers.
struct Quality {
  std::int64_t sentences = 0;
  std::int64_t with_cues = 0;
  /// Sentences by how many different cues they have: 1 to K, the last place also more.
  std::array<std::int64_t, data::kCuesPerSentence> by_different = {};
  std::int64_t cues = 0;            ///< different ones of each sentence
  std::int64_t words = 0;           ///< of these
  std::int64_t sentence_words = 0;  ///< that say something: no articles, no linking words
  std::int64_t said_words = 0;      ///< those of them that some cue says too
  std::vector<data::Finding> findings;
};

/// Looks at the cues of every sentence: whether there are any (a fault otherwise, as are cues
/// without tokens), and as notes: words that the sentence does not have, two cues that say the
/// same, cues longer than their sentence or the context, sentences that were not taken apart though
/// the rules could, and cues none of which names the target.
/// @param tolerance a kind of note is a fault where more than this share (0 to 1) of the sentences
/// has it
Quality look_at_cues(const data::AuditParts& parts, double tolerance = 1);

}  // namespace pcnet::cues
