#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/config/data_options.h"
#include "pcnet/data/proposals/clip_scores.h"
#include "pcnet/data/sources/dataset_source.h"
#include "pcnet/data/sources/picture_store.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// Makes the cues of a dataset's sentences (data.cues: rules).
using MakeCues = std::function<CueStore(const ReferIndex&)>;

/// A dataset opened from its source: annotations, pictures, and what lies beside them, each opened
/// when it is first asked for.
class Dataset {
 public:
  /// Error for a source that cannot be opened or is stale (DatasetSource).
  /// @param pictures kUnused: the annotations and what lies beside them are enough; `pictures` must
  /// not be called
  /// @param by_rules called when cues are first asked for and `data.cues` is `rules`
  explicit Dataset(config::DataOptions options, Pictures pictures = Pictures::kUsed,
                   MakeCues by_rules = {});

  const config::DataOptions& options() const { return options_; }
  const DatasetFiles& files() const { return source_->files(); }
  const ReferIndex& index() const { return source_->index(); }
  PictureStore& pictures() { return *pictures_; }

  bool has_cues() const;
  bool has_captions() const { return source_->has_captions(); }
  bool has_proposals() const { return source_->has_proposals(); }
  /// Opened on first use, by one thread; Error that names the missing file when the dataset has
  /// none, and for cues or proposals that were made for another dataset.
  const CueStore& cues();
  const Captions& captions();
  const ProposalStore& proposals();
  /// Which proposals those are.
  ProposalKey proposal_key() const;
  /// data.clip_scores, read on first use; Error when they are of other proposals.
  const ClipScores& clip_scores();
  /// As the source has them (DatasetSource::ready_grids).
  FindGrid ready_grids(const GridStore::Options& options) const {
    return source_->ready_grids(options);
  }
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

  /// As the source has them (DatasetSource::with_ready_tokens).
  std::unique_ptr<const text::Tokenizer> with_ready_tokens(
      std::unique_ptr<const text::Tokenizer> tokenizer) const {
    return source_->with_ready_tokens(std::move(tokenizer));
  }

 private:
  /// Does what data.on_bad_annotation says about objects without their broken outlines.
  void judge_outlines() const;
  /// Error where there is nothing of that kind.
  void require(bool there, const char* what) const;

  config::DataOptions options_;
  MakeCues by_rules_;
  std::unique_ptr<const DatasetSource> source_;
  std::unique_ptr<PictureStore> pictures_;
  std::unique_ptr<const CueStore> cues_;
  std::unique_ptr<const Captions> captions_;
  std::unique_ptr<const ProposalStore> proposals_;
  std::unique_ptr<const ClipScores> clip_scores_;
};

}  // namespace pcnet::data
