#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "pcnet/config/data_options.h"
#include "pcnet/data/annotations/captions.h"
#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/data/pack/pack.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/data/proposals/proposal_store.h"
#include "pcnet/image/picture.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// Seconds spent on reading pictures, by part.
struct PictureTimes {
  double decode = 0;  ///< from a pack: comparing a picture's checksum the first time
  double resize = 0;
};

/// Where a dataset is read from: a folder in REFER's form, a folder of one's own, or a pack.
/// Pictures may be read by several threads at once.
class DatasetSource {
 public:
  DatasetSource() = default;
  DatasetSource(const DatasetSource&) = delete;
  DatasetSource& operator=(const DatasetSource&) = delete;
  virtual ~DatasetSource() = default;

  /// Where the files are; of a pack, its own and the names of dataset and partition.
  virtual const DatasetFiles& files() const = 0;
  virtual const ReferIndex& index() const = 0;

  /// The picture at the training size, [3, S, S] uint8. Error, without its id, when it cannot be
  /// read. `times`, when given, grows by what reading took.
  virtual at::Tensor read_picture(const ImageRecord& image, PictureTimes* times) const = 0;
  /// The picture at its own size: the file's, or, from a pack, the resized one stretched back.
  virtual image::Picture original_picture(const ImageRecord& image) const = 0;
  /// False when to keep pictures in memory saves nothing.
  virtual bool reading_takes_time() const = 0;

  virtual bool has_cues() const = 0;
  virtual bool has_captions() const = 0;
  virtual bool has_proposals() const = 0;
  /// Error for cues or proposals that were made for another dataset. To be called where there are
  /// some.
  virtual std::unique_ptr<const CueStore> cues() const = 0;
  virtual Captions captions() const = 0;
  virtual std::unique_ptr<const ProposalStore> proposals() const = 0;
  /// Digest of the file or folder that the proposals are from, of a pack that it was made of.
  virtual std::string proposals_digest() const = 0;
  /// What is wrong and what to do where it has no `what` ("cues", "captions", "proposals").
  virtual std::string missing(const std::string& what) const = 0;

  /// Grids of proposals that are ready; empty: there are none. Error when they are others than the
  /// options say.
  virtual FindGrid ready_grids(const GridStore::Options& options) const;
  /// The tokenizer, with tokens that are ready at hand. Error when those are of another vocabulary.
  virtual std::unique_ptr<const text::Tokenizer> with_ready_tokens(
      std::unique_ptr<const text::Tokenizer> tokenizer) const;
};

/// REFER's annotations and a folder of pictures.
class FolderSource : public DatasetSource {
 public:
  /// Reads the annotations.
  FolderSource(DatasetFiles files, const config::DataOptions& options);

  const DatasetFiles& files() const override { return files_; }
  const ReferIndex& index() const override { return index_; }
  at::Tensor read_picture(const ImageRecord& image, PictureTimes* times) const override;
  image::Picture original_picture(const ImageRecord& image) const override;
  bool reading_takes_time() const override { return true; }
  bool has_cues() const override { return !files_.cues.empty(); }
  bool has_captions() const override { return !files_.captions.empty(); }
  bool has_proposals() const override { return !files_.proposals.empty(); }
  std::unique_ptr<const CueStore> cues() const override;
  Captions captions() const override { return read_captions(files_.captions); }
  std::unique_ptr<const ProposalStore> proposals() const override;
  std::string proposals_digest() const override;
  std::string missing(const std::string& what) const override;

 private:
  DatasetFiles files_;
  std::int64_t image_size_;
  config::ProposalFilterOptions proposal_filter_;
  ReferIndex index_;
};

/// Lines of one's own (docs/custom_data.md), beside whose sentences cues may stand.
class CustomSource : public FolderSource {
 public:
  using FolderSource::FolderSource;

  bool has_cues() const override { return FolderSource::has_cues() || index().has_cues(); }
  std::unique_ptr<const CueStore> cues() const override;
};

/// One mapped file with everything in it.
class PackSource : public DatasetSource {
 public:
  /// What makes the pack stale by these options, or, with `data.root`, by the dataset's files, is
  /// an Error with the reasons; a root that is not there any more is a warning.
  explicit PackSource(const config::DataOptions& options);

  const DatasetFiles& files() const override { return files_; }
  const ReferIndex& index() const override { return pack_.index(); }
  at::Tensor read_picture(const ImageRecord& image, PictureTimes* times) const override;
  image::Picture original_picture(const ImageRecord& image) const override;
  bool reading_takes_time() const override { return false; }  // the system keeps its pages
  bool has_cues() const override { return pack_.has_cues(); }
  bool has_captions() const override { return pack_.has_captions(); }
  bool has_proposals() const override { return pack_.has_proposals(); }
  std::unique_ptr<const CueStore> cues() const override;
  Captions captions() const override { return pack_.captions(); }
  std::unique_ptr<const ProposalStore> proposals() const override;
  std::string proposals_digest() const override;
  std::string missing(const std::string& what) const override;
  FindGrid ready_grids(const GridStore::Options& options) const override;
  std::unique_ptr<const text::Tokenizer> with_ready_tokens(
      std::unique_ptr<const text::Tokenizer> tokenizer) const override;

 private:
  Pack pack_;
  DatasetFiles files_;
};

/// The source that the options name.
/// @param pictures kUnused: a folder of pictures that is not there is no Error
std::unique_ptr<const DatasetSource> open_source(const config::DataOptions& options,
                                                 Pictures pictures);

}  // namespace pcnet::data
