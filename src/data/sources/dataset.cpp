#include "pcnet/data/sources/dataset.h"

#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/cues/cue_origin.h"
#include "pcnet/data/sources/coverage.h"

namespace pcnet::data {

namespace {

/// Cues that stand beside the sentences, as in custom data.
CuesBySentence cues_inside(const ReferIndex& index) {
  CuesBySentence cues;
  for (const auto& reference : index.references()) {
    for (const auto& sentence : reference.sentences) {
      if (!sentence.cues.empty()) cues.emplace(sentence.sent_id, sentence.cues);
    }
  }
  return cues;
}

/// Cues from a file or folder. Error when they are those of another dataset.
std::unique_ptr<CueStore> read_cues(const DatasetFiles& files, const ReferIndex& index) {
  auto cues = std::make_unique<CueStore>(files.cues);
  const OtherSentences other = other_sentences(*cues, index, files);
  if (other.are_foreign) {
    throw core::Error(
        core::cat(other.what,
                  ": name this dataset's own with --cues, make some with `pcnet cues make`, or "
                  "let the rules make them with --cues rules"));
  }
  for (const auto& doubt : {other.what, unnamed_cues(*cues, index)}) {
    if (!doubt.empty()) core::log::warning(doubt);
  }
  return cues;
}

bool are_by_rules(const config::DataOptions& options) {
  return options.cues == config::kCuesByRules;
}

}  // namespace

Dataset::Dataset(config::DataOptions options, Pictures pictures, MakeCues by_rules)
    : options_(std::move(options)), by_rules_(std::move(by_rules)) {
  if (are_by_rules(options_) && !by_rules_) {
    throw core::UsageError("data.cues is rules: nothing here makes cues by rules, wanted a file");
  }
  if (!options_.pack.empty()) {
    open_pack();
    judge_outlines();
    return;
  }
  files_ = locate_dataset(options_, pictures);
  const auto broken =
      options_.on_bad_annotation == "skip" ? BrokenOutline::kLeftOut : BrokenOutline::kError;
  index_ = std::make_unique<const ReferIndex>(ReferIndex::load(files_, nullptr, broken));
  judge_outlines();
  has_cues_ = are_by_rules(options_) || !files_.cues.empty() || index_->has_cues();
  if (pictures == Pictures::kUsed) {
    pictures_ = std::make_unique<PictureStore>(*index_, files_, options_);
  }
}

void Dataset::open_pack() {
  pack_ = std::make_unique<const Pack>(options_.pack);
  std::vector<std::string> reasons = stale_settings(pack_->key(), options_);
  if (!options_.root.empty() && !std::filesystem::exists(options_.root)) {
    core::log::warning(core::cat("no dataset folder ", options_.root, ": the pack ", options_.pack,
                                 " is used without comparing it (data.root)"));
  } else if (!options_.root.empty()) {
    config::DataOptions located = options_;
    if (are_by_rules(options_)) located.cues.clear();  // the pack's are not read then
    const auto more = stale_sources(pack_->key(), locate_dataset(located));
    reasons.insert(reasons.end(), more.begin(), more.end());
  } else if ((!options_.cues.empty() && !are_by_rules(options_)) || !options_.proposals.empty()) {
    reasons.emplace_back(
        "data.cues and data.proposals name files beside it, whose dataset "
        "data.root does not name");
  }
  if (!reasons.empty()) {
    throw core::Error(
        core::cat("the pack ", options_.pack, " is stale: ", core::join(reasons, "; "),
                  ": make it again with `pcnet data pack --replace`, or go without (data.pack)"));
  }
  files_.dataset = pack_->key().dataset;
  files_.split_by = pack_->key().split_by;
  files_.pack = pack_->path();
  files_.apply_exif = pack_->key().apply_exif;
  has_cues_ = are_by_rules(options_) || pack_->has_cues();
  pictures_ = std::make_unique<PictureStore>(*pack_, options_);
}

void Dataset::judge_outlines() const {
  const auto damaged = index().damaged();
  if (damaged.empty()) return;
  const Fault& first = *damaged.front()->damage;
  const std::string found =
      core::cat(damaged.size(), damaged.size() == 1 ? " object has" : " objects have",
                " a broken mask or box, the first at ", first.where, ": ", first.what);
  if (options_.on_bad_annotation == "error") {
    throw core::Error(core::cat("the pack ", options_.pack, ": ", found,
                                " (data.on_bad_annotation=skip goes on without them)"));
  }
  core::log::warning(core::cat(found, ": used without them (data.on_bad_annotation: skip)"));
}

bool Dataset::has_captions() const {
  return pack_ ? pack_->has_captions() : !files_.captions.empty();
}

bool Dataset::has_proposals() const {
  return pack_ ? pack_->has_proposals() : !files_.proposals.empty();
}

/// Error: the dataset has no such side file; `key` is the option that names it.
void Dataset::missing(const char* key) const {
  const char* cues_advice =
      std::string_view(key) == "cues" ? ", or let the rules make them with --cues rules" : "";
  if (pack_) {
    throw core::Error(core::cat("the pack ", options_.pack, " holds no ", key,
                                ": make some, and the pack again with `pcnet data pack`",
                                cues_advice));
  }
  throw core::Error(core::cat("the dataset has no ", key, ": no ", key, ".jsonl beside ",
                              (files_.custom.empty() ? files_.refs : files_.custom).string(),
                              std::string_view(key) == "cues"
                                  ? "; make one with `pcnet cues make`, name another source"
                                  : "; make one or name another source",
                              cues_advice));
}

const CueStore& Dataset::cues() {
  if (cues_) return *cues_;
  if (!has_cues()) missing("cues");
  if (are_by_rules(options_)) {
    cues_ = std::make_unique<CueStore>(by_rules_(index()));
  } else if (pack_) {
    cues_ = std::make_unique<CueStore>(pack_->cues(), pack_->path());
  } else if (files_.cues.empty()) {
    cues_ = std::make_unique<CueStore>(cues_inside(*index_), files_.custom);
  } else {
    cues_ = read_cues(files_, *index_);
  }
  return *cues_;
}

const Captions& Dataset::captions() {
  if (captions_) return *captions_;
  if (!has_captions()) missing("captions");
  captions_ =
      std::make_unique<Captions>(pack_ ? pack_->captions() : read_captions(files_.captions));
  return *captions_;
}

const ProposalStore& Dataset::proposals() {
  if (proposals_) return *proposals_;
  if (!has_proposals()) missing("proposals");
  if (pack_) {
    proposals_ =
        std::make_unique<ProposalStore>(pack_->path(), pack_->index(), packed_proposals(*pack_));
  } else {
    const ProposalStore::Options options{.filter = options_.proposal_filter,
                                         .images = files_.images};
    proposals_ = std::make_unique<ProposalStore>(files_.proposals, *index_, options);
  }
  return *proposals_;
}

FindGrid Dataset::ready_grids(const GridStore::Options& options) const {
  return pack_ ? packed_grids(*pack_, options) : FindGrid{};
}

std::unique_ptr<const text::Tokenizer> Dataset::with_packed_tokens(
    std::unique_ptr<const text::Tokenizer> tokenizer) const {
  if (!pack_) return tokenizer;
  return std::make_unique<PackedTokenizer>(std::move(tokenizer), *pack_);
}

void Dataset::check_cues(const std::string& split) {
  const Coverage coverage = cue_coverage(index(), split, cues());
  if (coverage.missing == 0) return;
  const std::string found = describe(coverage, split, cues());
  if (options_.missing_cues == "error") {
    throw core::Error(core::cat(
        found,
        ": make them with `pcnet cues make`, or let each such sentence be its own cue with "
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
  for (const auto position : index().split("train")) {
    const Reference& reference = index().references()[position];
    images.insert(reference.image_id);
    for (const auto& sentence : reference.sentences) {
      texts.insert(sentence.text);
      const auto* found = has_cues_ ? cues().find(sentence.sent_id) : nullptr;
      if (found != nullptr) texts.insert(found->begin(), found->end());
    }
  }
  if (has_captions()) {
    for (const auto image_id : images) {
      const auto found = captions().find(image_id);
      if (found != captions().end()) texts.insert(found->second.begin(), found->second.end());
    }
  }
  return {texts.begin(), texts.end()};
}

}  // namespace pcnet::data
