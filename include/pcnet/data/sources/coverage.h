#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/data/proposals/proposal_store.h"

namespace pcnet::data {

/// How many of a split's sentences or pictures have what is wanted.
struct Coverage {
  std::int64_t wanted = 0;
  std::int64_t missing = 0;
  std::vector<std::int64_t> examples;  ///< ids of the first few that are missing
};

/// Sentences of the split that have cues.
Coverage cue_coverage(const ReferIndex& index, const std::string& split, const CueStore& cues);
/// Pictures of the split that have an entry in the store.
Coverage proposal_coverage(const ReferIndex& index, const std::string& split,
                           const ProposalStore& proposals);

/// "12 of 300 sentences of train have no cues in cues.jsonl, e.g. sent_id 4, 9".
std::string describe(const Coverage& coverage, const std::string& split, const CueStore& cues);
/// "2 of 50 pictures of val have no proposals in sam, e.g. image_id 7, 8".
std::string describe(const Coverage& coverage, const std::string& split,
                     const ProposalStore& proposals);

}  // namespace pcnet::data
