#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/config/data_options.h"
#include "pcnet/data/annotations/captions.h"
#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/data/pack/pack.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/data/proposals/proposal_store.h"
#include "pcnet/data/sources/picture_store.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// Makes the cues of a dataset's sentences (data.cues: rules).
using MakeCues = std::function<CueStore(const ReferIndex&)>;

/// A dataset opened from its folder, or from a pack: annotations, pictures, and what lies beside
/// them.
class Dataset {
 public:
  /// With `data.pack` everything comes from the pack; what makes that stale by these options, or,
  /// with `data.root`, by the dataset's files, is an Error with the reasons; a root that is not
  /// there any more is a warning.
  /// @param pictures kUnused: the annotations and what lies beside them are enough; `pictures` must
  /// not be called
  /// @param by_rules called when cues are first asked for and `data.cues` is `rules`
  explicit Dataset(config::DataOptions options, Pictures pictures = Pictures::kUsed,
                   MakeCues by_rules = {});

  const config::DataOptions& options() const { return options_; }
  /// Where the files are; of a pack, its own and the names of dataset and partition.
  const DatasetFiles& files() const { return files_; }
  /// Null when the dataset was opened from its folder.
  const Pack* pack() const { return pack_.get(); }
  const ReferIndex& index() const { return pack_ ? pack_->index() : *index_; }
  PictureStore& pictures() { return *pictures_; }

  bool has_cues() const { return has_cues_; }
  bool has_captions() const;
  bool has_proposals() const;
  /// Opened on first use, by one thread; Error that names the missing file when the dataset has
  /// none, and for cues or proposals that were made for another dataset.
  const CueStore& cues();
  const Captions& captions();
  const ProposalStore& proposals();
  /// Grids of the proposals that the dataset holds ready; empty: there are none. Error when they
  /// are others than the options say.
  FindGrid ready_grids(const GridStore::Options& options) const;
  /// Null when nobody asked for them.
  const CueStore* opened_cues() const { return cues_.get(); }
  const ProposalStore* opened_proposals() const { return proposals_.get(); }

  /// Counts the sentences of a split that have no cues and does what `data.missing_cues` says: one
  /// Error, or one warning.
  void check_cues(const std::string& split);
  /// The sentence's cues; where there are none the sentence itself, with `data.missing_cues:
  /// sentence`, else an Error.
  std::vector<std::string> cues_of(const Sentence& sentence);

  /// Every distinct text of the training split: expressions, and cues and captions where there are.
  std::vector<std::string> training_texts();

  /// The tokenizer, with the pack's tokens at hand where there is one. Error when those are of
  /// another vocabulary.
  std::unique_ptr<const text::Tokenizer> with_packed_tokens(
      std::unique_ptr<const text::Tokenizer> tokenizer) const;

 private:
  void open_pack();
  /// Does what data.on_bad_annotation says about objects without their broken outlines.
  void judge_outlines() const;
  [[noreturn]] void missing(const char* key) const;

  config::DataOptions options_;
  DatasetFiles files_;
  std::unique_ptr<const Pack> pack_;
  std::unique_ptr<const ReferIndex> index_;  // of the folder; null with a pack
  bool has_cues_ = false;
  MakeCues by_rules_;
  std::unique_ptr<PictureStore> pictures_;
  std::unique_ptr<CueStore> cues_;
  std::unique_ptr<Captions> captions_;
  std::unique_ptr<ProposalStore> proposals_;
};

}  // namespace pcnet::data
