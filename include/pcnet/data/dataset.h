#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pcnet/config/data_options.h"
#include "pcnet/data/dataset_tree.h"
#include "pcnet/data/picture_store.h"
#include "pcnet/data/refer_index.h"
#include "pcnet/data/side_files.h"

namespace pcnet::data {

/// A dataset opened from its folder: annotations, pictures, and what lies beside them.
class Dataset {
 public:
  explicit Dataset(config::DataOptions options);

  const config::DataOptions& options() const { return options_; }
  const DatasetFiles& files() const { return files_; }
  const ReferIndex& index() const { return index_; }
  PictureStore& pictures() { return *pictures_; }

  /// Read on first use; Error that names the missing file when the dataset has none.
  const Cues& cues();
  const Captions& captions();
  const Proposals& proposals();

  /// Every distinct text of the training split: expressions, and cues and captions where there are.
  std::vector<std::string> training_texts();

 private:
  config::DataOptions options_;
  DatasetFiles files_;
  ReferIndex index_;
  std::unique_ptr<PictureStore> pictures_;
  std::unique_ptr<Cues> cues_;
  std::unique_ptr<Captions> captions_;
  std::unique_ptr<Proposals> proposals_;
};

}  // namespace pcnet::data
