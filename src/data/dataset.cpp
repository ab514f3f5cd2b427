#include "pcnet/data/dataset.h"

#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/coverage.h"

namespace pcnet::data {

namespace {

/// Error when the dataset has no such side file; `key` is the option that names it.
void require_file(const std::filesystem::path& path, const DatasetFiles& files, const char* key) {
  if (!path.empty()) return;
  throw core::Error(core::cat("the dataset has no ", key, ": no ", key, ".jsonl beside ",
                              files.refs.string(), "; make one or name another source"));
}

}  // namespace

Dataset::Dataset(config::DataOptions options)
    : options_(std::move(options)),
      files_(locate_dataset(options_)),
      index_(ReferIndex::load(files_)),
      pictures_(std::make_unique<PictureStore>(index_, files_.images, options_)) {}

const CueStore& Dataset::cues() {
  require_file(files_.cues, files_, "cues");
  if (!cues_) cues_ = std::make_unique<CueStore>(files_.cues);
  return *cues_;
}

const Captions& Dataset::captions() {
  require_file(files_.captions, files_, "captions");
  if (!captions_) captions_ = std::make_unique<Captions>(read_captions(files_.captions));
  return *captions_;
}

const ProposalStore& Dataset::proposals() {
  require_file(files_.proposals, files_, "proposals");
  if (!proposals_) {
    ProposalStore::Options options;
    options.filter = options_.proposal_filter;
    proposals_ = std::make_unique<ProposalStore>(files_.proposals, index_, options);
  }
  return *proposals_;
}

void Dataset::check_cues(const std::string& split) {
  const Coverage coverage = cue_coverage(index_, split, cues());
  if (coverage.missing == 0) return;
  const std::string found = describe(coverage, split, cues());
  if (options_.missing_cues == "error") {
    throw core::Error(core::cat(found,
                                ": make them, or let each such sentence be its own cue with "
                                "data.missing_cues=sentence"));
  }
  core::log::warning(core::cat(found, ": each such sentence is its own cue (data.missing_cues)"));
}

std::vector<std::string> Dataset::cues_of(const Sentence& sentence) {
  const auto* found = cues().find(sentence.sent_id);
  if (found != nullptr) return *found;
  if (options_.missing_cues == "sentence") return {sentence.text};
  throw core::Error(
      core::cat("no cues for sent_id ", sentence.sent_id, " in ", cues().source().string()));
}

std::vector<std::string> Dataset::training_texts() {
  std::set<std::string> texts;
  std::set<std::int64_t> images;
  for (const auto position : index_.split("train")) {
    const Reference& reference = index_.references()[position];
    images.insert(reference.image_id);
    for (const auto& sentence : reference.sentences) {
      texts.insert(sentence.text);
      if (files_.cues.empty()) continue;
      const auto* found = cues().find(sentence.sent_id);
      if (found != nullptr) texts.insert(found->begin(), found->end());
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
