#pragma once

#include <string>

#include "pcnet/data/cue_store.h"
#include "pcnet/data/dataset_tree.h"
#include "pcnet/data/refer_index.h"

/// Whether cues were made for the dataset that they are used with.
namespace pcnet::data {

/// "refcoco (unc)", for messages.
std::string name_of(const DatasetFiles& files);

/// Why these are the cues of another dataset: a tenth or more of their sentences are not the
/// dataset's sentences of these sent_ids. Else empty.
std::string foreign_cues(const CueStore& cues, const ReferIndex& index, const DatasetFiles& files);

/// Which sentences have changed since their cues were made, when they are fewer. Else empty.
std::string edited_sentences(const CueStore& cues, const ReferIndex& index,
                             const DatasetFiles& files);

/// What there is to warn of when the source does not say its sentences (an older file, the official
/// folder): that they are taken by sent_id alone, and how many have no word of their sentence.
/// Empty when it does.
std::string unnamed_cues(const CueStore& cues, const ReferIndex& index);

}  // namespace pcnet::data
