#include "pcnet/data/sources/dataset.h"

#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/data/sources/coverage.h"

namespace pcnet::data {

namespace {

bool are_by_rules(const config::DataOptions& options) {
  return options.cues == config::kCuesByRules;
}

}  // namespace

Dataset::Dataset(config::DataOptions options, Pictures pictures, MakeCues by_rules)
    : options_(std::move(options)), by_rules_(std::move(by_rules)) {
  if (are_by_rules(options_) && !by_rules_) {
    throw core::UsageError("data.cues is rules: nothing here makes cues by rules, wanted a file");
  }
  source_ = open_source(options_, pictures);
  judge_outlines();
  if (pictures == Pictures::kUsed) pictures_ = std::make_unique<PictureStore>(*source_, options_);
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

bool Dataset::has_cues() const { return are_by_rules(options_) || source_->has_cues(); }

void Dataset::require(bool there, const char* what) const {
  if (there) return;
  const bool cues = std::string_view(what) == "cues";
  throw core::Error(source_->missing(what) +
                    (cues ? ", or let the rules make them with --cues rules" : ""));
}

const CueStore& Dataset::cues() {
  if (cues_) return *cues_;
  require(has_cues(), "cues");
  cues_ = are_by_rules(options_) ? std::make_unique<const CueStore>(by_rules_(index()))
                                 : source_->cues();
  return *cues_;
}

const Captions& Dataset::captions() {
  if (captions_) return *captions_;
  require(has_captions(), "captions");
  captions_ = std::make_unique<const Captions>(source_->captions());
  return *captions_;
}

const ProposalStore& Dataset::proposals() {
  if (proposals_) return *proposals_;
  require(has_proposals(), "proposals");
  proposals_ = source_->proposals();
  return *proposals_;
}

ProposalKey Dataset::proposal_key() const {
  require(has_proposals(), "proposals");
  return {.digest = source_->proposals_digest(), .filter = settings_of(options_.proposal_filter)};
}

const ClipScores& Dataset::clip_scores() {
  if (clip_scores_) return *clip_scores_;
  auto scores = std::make_unique<const ClipScores>(std::filesystem::path(options_.clip_scores));
  const ProposalKey own = proposal_key();
  if (scores->proposals() != own) {
    const bool same_file = scores->proposals().digest == own.digest;
    throw core::Error(core::cat(
        "data.clip_scores: ", scores->source(), " has scores of other proposals (",
        same_file ? std::string("chosen by another data.proposal_filter")
                  : core::cat(scores->proposals().digest, ", the dataset's are ", own.digest),
        "): make them with `pcnet proposals score`"));
  }
  clip_scores_ = std::move(scores);
  return *clip_scores_;
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
      const auto* found = has_cues() ? cues().find(sentence.sent_id) : nullptr;
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
