#include "pcnet/data/sources/dataset_source.h"

namespace pcnet::data {

FindGrid DatasetSource::ready_grids(const GridStore::Options& /*options*/) const { return {}; }

std::unique_ptr<const text::Tokenizer> DatasetSource::with_ready_tokens(
    std::unique_ptr<const text::Tokenizer> tokenizer) const {
  return tokenizer;
}

std::unique_ptr<const DatasetSource> open_source(const config::DataOptions& options,
                                                 Pictures pictures) {
  if (!options.pack.empty()) return std::make_unique<const PackSource>(options);
  DatasetFiles files = locate_dataset(options, pictures);
  if (files.is_custom()) return std::make_unique<const CustomSource>(std::move(files), options);
  return std::make_unique<const FolderSource>(std::move(files), options);
}

}  // namespace pcnet::data
