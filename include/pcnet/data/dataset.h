#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pcnet/config/data_options.h"
#include "pcnet/data/captions.h"
#include "pcnet/data/cue_store.h"
#include "pcnet/data/dataset_tree.h"
#include "pcnet/data/picture_store.h"
#include "pcnet/data/proposal_store.h"
#include "pcnet/data/refer_index.h"

namespace pcnet::data {

/// A dataset opened from its folder: annotations, pictures, and what lies beside them.
class Dataset {
 public:
  explicit Dataset(config::DataOptions options);

  const config::DataOptions& options() const { return options_; }
  const DatasetFiles& files() const { return files_; }
  const ReferIndex& index() const { return index_; }
  PictureStore& pictures() { return *pictures_; }

  /// Opened on first use, by one thread; Error that names the missing file when the dataset has
  /// none.
  const CueStore& cues();
  const Captions& captions();
  const ProposalStore& proposals();

  /// Counts the sentences of a split that have no cues and does what `data.missing_cues` says: one
  /// Error, or one warning.
  void check_cues(const std::string& split);
  /// The sentence's cues; where there are none the sentence itself, with `data.missing_cues:
  /// sentence`, else an Error.
  std::vector<std::string> cues_of(const Sentence& sentence);

  /// Every distinct text of the training split: expressions, and cues and captions where there are.
  std::vector<std::string> training_texts();

 private:
  config::DataOptions options_;
  DatasetFiles files_;
  ReferIndex index_;
  std::unique_ptr<PictureStore> pictures_;
  std::unique_ptr<CueStore> cues_;
  std::unique_ptr<Captions> captions_;
  std::unique_ptr<ProposalStore> proposals_;
};

}  // namespace pcnet::data
