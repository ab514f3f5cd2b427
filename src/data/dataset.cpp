#include "pcnet/data/dataset.h"

#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

namespace {

/// Reads a side file once; `key` is the option that names it.
template <class Value>
const Value& read_once(std::unique_ptr<Value>& value, const std::filesystem::path& path,
                       Value (*read)(const std::filesystem::path&), const DatasetFiles& files,
                       const char* key) {
  if (path.empty()) {
    throw core::Error(core::cat("the dataset has no ", key, ": no ", key, ".jsonl beside ",
                                (files.custom.empty() ? files.refs : files.custom).string()));
  }
  if (!value) value = std::make_unique<Value>(read(path));
  return *value;
}

/// Cues that stand beside the sentences, as in custom data.
Cues cues_inside(const ReferIndex& index) {
  Cues cues;
  for (const auto& reference : index.references()) {
    for (const auto& sentence : reference.sentences) {
      if (!sentence.cues.empty()) cues.emplace(sentence.sent_id, sentence.cues);
    }
  }
  return cues;
}

}  // namespace

Dataset::Dataset(config::DataOptions options)
    : options_(std::move(options)),
      files_(locate_dataset(options_)),
      index_(ReferIndex::load(files_)),
      pictures_(std::make_unique<PictureStore>(index_, files_.images, options_)) {}

const Cues& Dataset::cues() {
  if (files_.cues.empty() && !cues_) {
    Cues inside = cues_inside(index_);
    if (!inside.empty()) cues_ = std::make_unique<Cues>(std::move(inside));
  }
  if (cues_) return *cues_;
  return read_once(cues_, files_.cues, read_cues, files_, "cues");
}

const Captions& Dataset::captions() {
  return read_once(captions_, files_.captions, read_captions, files_, "captions");
}

const Proposals& Dataset::proposals() {
  return read_once(proposals_, files_.proposals, read_proposals, files_, "proposals");
}

std::vector<std::string> Dataset::training_texts() {
  std::set<std::string> texts;
  std::set<std::int64_t> images;
  for (const auto position : index_.split("train")) {
    const Reference& reference = index_.references()[position];
    images.insert(reference.image_id);
    for (const auto& sentence : reference.sentences) {
      texts.insert(sentence.text);
      texts.insert(sentence.cues.begin(), sentence.cues.end());
      if (files_.cues.empty()) continue;
      const auto found = cues().find(sentence.sent_id);
      if (found != cues().end()) texts.insert(found->second.begin(), found->second.end());
    }
  }
  if (!files_.captions.empty()) {
    for (const auto image_id : images) {
      const auto found = captions().find(image_id);
      if (found != captions().end()) texts.insert(found->second.begin(), found->second.end());
    }
  }
  return {texts.begin(), texts.end()};
}

}  // namespace pcnet::data
