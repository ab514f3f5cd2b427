#pragma once

#include <string>

#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/cues/cue_store.h"

/// Whether cues were made for the dataset that they are used with.
namespace pcnet::data {

/// "refcoco (unc)", for messages.
std::string name_of(const DatasetFiles& files);

/// That some cues were made of other sentences than the dataset's of the same sent_ids.
struct OtherSentences {
  std::string what;          ///< how many, and the first of them; empty: there is none
  bool are_foreign = false;  ///< a tenth or more: of another dataset; fewer were edited since
};
OtherSentences other_sentences(const CueStore& cues, const ReferIndex& index,
                               const DatasetFiles& files);

/// What there is to warn of when the source does not say its sentences (an older file, the official
/// folder): that they are taken by sent_id alone, and how many have no word of their sentence.
/// Empty when it does.
std::string unnamed_cues(const CueStore& cues, const ReferIndex& index);

}  // namespace pcnet::data
